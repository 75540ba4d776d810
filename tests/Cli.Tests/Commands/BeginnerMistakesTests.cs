using Xunit;

namespace VideoSim.Cli.Tests.Commands;

/// <summary>
/// Mistakes of a beginner at the terminal. Each gets one line that helps, and its exit code. In a command DATA, RUN
/// and FILE are a data folder, the folder of a run and a file; NEW does not exist.
/// </summary>
[Collection(nameof(CommandTests))]
public sealed class BeginnerMistakesTests(CommandWorld world)
{
    private const string Train = "pretrain --model mix --data DATA --output-dir NEW --preset micro";

    [Theory]
    // Misspelled names.
    [InlineData("pretrian --model mix", 2, "there is no command 'pretrian'; did you mean 'pretrain'? (see 'videosim --help')")]
    [InlineData("pretrian --help", 2, "there is no command 'pretrian'; did you mean 'pretrain'?")]
    [InlineData("data sinth --output-dir NEW", 2, "there is no command 'data sinth'; did you mean 'data synth'? (see 'videosim data --help')")]
    [InlineData("synth --output-dir NEW", 2, "there is no command 'synth'; did you mean 'data synth'?")]
    [InlineData("train --model mix", 2, "there is no command 'train'; did you mean 'pretrain'?")]
    [InlineData("help pretrian", 2, "there is no command 'pretrian'; did you mean 'pretrain'?")]
    [InlineData("completion fisch", 2, "there is no completion for 'fisch'; shells: bash, zsh, fish, pwsh; did you mean 'fish'?")]
    [InlineData("pretrain --modle mix --data DATA --output-dir NEW", 2, "there is no option '--modle'; did you mean '--model'? (see 'videosim pretrain --help')")]
    [InlineData("pretrain --data=", 2, "--data is empty")]
    [InlineData(Train + " --model mxi", 2, "--model takes one value, and 2 are given")]
    [InlineData("pretrain --model mxi --data DATA --output-dir NEW", 2, "there is no model 'mxi'; models: mix, mix-asl, mix-roformer, uniter, uniter-asl, uniter-roformer; did you mean 'mix'?")]
    [InlineData("pretrain --model mix --data DATA --output-dir NEW --preset tny", 2, "there is no preset 'tny'; presets: micro, tiny, reference; did you mean 'tiny'?")]
    [InlineData("bench --model mix --stage pretain", 2, "--stage cannot be 'pretain'; it must be pretrain or finetune; did you mean 'pretrain'?")]
    [InlineData(Train + " --device cdua", 2, "--device cdua: the devices are cpu, cuda and cuda:N; did you mean 'cuda'?")]
    [InlineData(Train + " --device gpu", 2, "--device gpu: the devices are cpu, cuda and cuda:N; did you mean 'cuda'?")]
    [InlineData(Train + " --set pretrain.stpes=9", 2, "there is no key 'stpes'")]
    [InlineData("-help", 2, "there is no option '-help'; did you mean '--help'?")]
    [InlineData("pretrain -seed 3", 2, "there is no option '-seed'; did you mean '--seed'?")]
    // Names of other programs, and options of other commands.
    [InlineData(Train + " --epochs 3", 2, "there is no option '--epochs'; did you mean '--num-train-epochs'?")]
    [InlineData(Train + " --lr 0.1", 2, "there is no option '--lr'; did you mean '--learning-rate'?")]
    [InlineData(Train + " --bs 8", 2, "there is no option '--bs'; did you mean '--batch-size'?")]
    [InlineData(Train + " --batch 8", 2, "there is no option '--batch'; did you mean '--batch-size'?")]
    [InlineData(Train + " --steps 8", 2, "there is no option '--steps'; did you mean '--max-steps'?")]
    [InlineData("embed --batch-size 8", 2, "there is no option '--batch-size' of 'embed'; 'pretrain' and 'finetune' have it")]
    [InlineData("reproduce --batch-size 8", 2, "--batch-size: both stages have batch; use --set pretrain.batch=8 --set finetune.batch=8")]
    [InlineData(Train + " --gpu 0", 2, "there is no option '--gpu'; did you mean '--device cuda'?")]
    [InlineData(Train + " --resume", 2, "there is no option '--resume'; the same command continues an interrupted run")]
    [InlineData(Train + " --output NEW", 2, "there is no option '--output'; did you mean '--output-dir'?")]
    [InlineData("embed --output-dir NEW", 2, "there is no option '--output-dir'; did you mean '--output'?")]
    [InlineData(Train + " --fold 1", 2, "there is no option '--fold' of 'pretrain'; 'finetune' has it")]
    [InlineData("evaluate --preset tiny", 2, "there is no option '--preset' of 'evaluate'; 'reproduce', 'pretrain'")]
    [InlineData("data sync --output-dir NEW", 2, "there is no command 'data sync'; did you mean 'data synth'?")]
    [InlineData(Train + " --learning_rate 1", 2, "there is no option '--learning_rate'; did you mean '--learning-rate'?")]
    [InlineData(Train + " --resume_from_checkpoint x", 2, "there is no option '--resume_from_checkpoint'; the same command continues an interrupted run")]
    [InlineData(Train + " --eval_strategy steps", 2, "there is no option '--eval_strategy'; a run is validated every --eval-steps updates and at the end")]
    [InlineData(Train + " --lr_scheduler_type cosine", 2, "there is no option '--lr_scheduler_type'; VideoSim has no such option: the learning rate rises in the warmup, then falls to 0 in a straight line")]
    [InlineData(Train + " --load_best_model_at_end", 2, "there is no option '--load_best_model_at_end'; the model with the highest validation score is always in the run's folder best, and it is used for embeddings")]
    [InlineData(Train + " --metric_for_best_model f1", 2, "there is no option '--metric_for_best_model'; the model with the highest validation score is always")]
    [InlineData(Train + " --model-ema", 2, "there is no option '--model-ema'; VideoSim has no such option: there is no average of weights")]
    [InlineData(Train + " --dataloader_num_workers 4", 2, "there is no option '--dataloader_num_workers'; batches are always made beside the updates")]
    [InlineData(Train + " --checkpoint-hist 3", 2, "there is no option '--checkpoint-hist'; did you mean '--save-total-limit'?")]
    [InlineData(Train + " --val-interval 3", 2, "there is no option '--val-interval'; did you mean '--eval-steps'?")]
    [InlineData(Train + " --log-wandb", 2, "there is no option '--log-wandb'; VideoSim has no such option; --report-to writes files for TensorBoard or CSV")]
    [InlineData(Train + " --use_cpu", 2, "there is no option '--use_cpu'; did you mean '--device cpu'?")]
    [InlineData(Train + " --fp16", 2, "there is no option '--fp16'; VideoSim has no fp16; a GPU has --precision bf16")]
    [InlineData(Train + " --optim adamw", 2, "there is no option '--optim'; VideoSim has no such option: the optimizer is Adam, with --weight-decay AdamW")]
    [InlineData(Train + " --model-size 3", 2, "there is no option '--model-size' (see")]
    [InlineData(Train + " --set pretrain.lr=3", 2, "there is no key 'lr'; did you mean 'pretrain.rate'?")]
    [InlineData(Train + " --set pretrain.steps 6", 2, "--set takes KEY=VALUE as one word: --set pretrain.steps=6")]
    [InlineData("pretrain --model mix --data DATA --preset micro runs/x", 2, "'pretrain' takes no 'runs/x' without an option before it; did you mean '--output-dir runs/x'?")]
    [InlineData(Train + " runs/x", 2, "'pretrain' takes no 'runs/x' without an option before it")]
    // Something is missing, or there is too much.
    [InlineData("pretrain --model mix --output-dir NEW", 2, "option '--data' is required")]
    [InlineData("pretrain --model mix", 2, "options '--data' and '--output-dir' are required")]
    [InlineData("pretrain --data DATA --output-dir NEW --model", 2, "--model needs a value: --model NAME")]
    [InlineData("pretrain --model --data DATA --output-dir NEW", 2, "--model needs a value: --model NAME")]
    [InlineData(Train + " --seed 1 --seed 2", 2, "--seed takes one value, and 2 are given")]
    [InlineData("embed --checkpoint RUN --frames FILE --title A cat sleeps --output NEW.zip", 2, "--title takes one value; put a value with blanks in quotes: --title 'A cat sleeps'")]
    [InlineData("embed --checkpoint RUN --output NEW.zip", 2, "embed needs either --records, or --frames and --title")]
    [InlineData("convert RUN", 2, "'convert' needs SOURCE_DIR and TARGET_DIR")]
    [InlineData("devices cuda", 2, "'devices' takes no 'cuda'")]
    [InlineData("--version pretrain", 2, "--version")]
    // Values that do not fit.
    [InlineData(Train + " --threads 0", 2, "--threads must be from 1 to 4096, not 0")]
    [InlineData(Train + " --threads many", 2, "--threads takes a whole number, not 'many'")]
    [InlineData(Train + " --threads 99999999999", 2, "--threads cannot be so large: '99999999999'")]
    [InlineData(Train + " --seed -1", 2, "--seed takes a whole number from 0, not '-1'")]
    [InlineData("data synth --output-dir NEW --videos 1,5", 2, "--videos takes a whole number, not '1,5'")]
    [InlineData("ensemble --inputs FILE --weights 0,5 --output NEW.zip", 2, "'0,5' is not a number; numbers have a decimal point and no comma")]
    [InlineData("finetune --model mix --data DATA --pretrained RUN --output-dir NEW --fold 12", 2, "there is no fold '12': folds are 1 to 11, and 'all' trains every one")]
    [InlineData(Train + " --set pretrain.steps", 2, "--set needs key=value, not 'pretrain.steps'")]
    [InlineData(Train + " --precision bf16", 1, "precision bf16 needs a CUDA device; cpu")]
    [InlineData("evaluate --embeddings '' --labels FILE", 2, "--embeddings is empty")]
    [InlineData("reproduce --models mix,uniter", 2, "there is no model 'mix,uniter'; models: mix, mix-asl, mix-roformer, uniter, uniter-asl, uniter-roformer; blanks separate several names")]
    [InlineData("kernels check dropuot", 2, "there is no kernel 'dropuot'; the families are")]
    [InlineData("kernels check dropuot", 2, "; did you mean 'dropout'?")]
    [InlineData("kernels check dropout_f23", 2, "; did you mean 'dropout_f32'?")]
    [InlineData("kernels bench dropout_f23", 2, "; did you mean 'dropout_f32'?")]
    [InlineData("completion powershell", 2, "; did you mean 'pwsh'?")]
    [InlineData(Train + " --gpus 2", 2, "there is no option '--gpus'; did you mean '--device cuda'?")]
    [InlineData("-V", 2, "there is no option '-V'; did you mean '--version'?")]
    [InlineData(Train + " --learning-rate 1e999", 2, "--learning-rate: 1e999 is not a number that fits")]
    [InlineData(Train + " --set pretrain.rate=1e999", 2, "--set pretrain.rate: 1e999 is not a number that fits")]
    [InlineData(Train + " --warmup-ratio 1e999", 2, "--warmup-ratio: 1e999 is not a number that fits")]
    [InlineData("ensemble --inputs FILE --weights 1e999 --output NEW.zip", 2, "--weights: 1e999 is not a number that fits")]
    [InlineData("kernels bench --seconds 1e999", 2, "--seconds: 1e999 is not a number that fits")]
    [InlineData(Train + " --vocab brt=FILE", 2, "--vocab brt=FILE: 'brt' is not known; use one of bert, roformer; did you mean 'bert'?")]
    // Paths of something else.
    [InlineData("pretrain --model mix --data NEW --output-dir NEW", 1, "--data NEW: there is no such folder")]
    [InlineData("pretrain --model mix --data FILE --output-dir NEW", 1, "--data FILE: is a file, not a data folder")]
    [InlineData("pretrain --model mix --data RUN --output-dir NEW", 1, "--data RUN: is not a data folder; 'data import' makes one")]
    [InlineData("pretrain --model mix --data DATA/pointwise --output-dir NEW", 1, "--data DATA/pointwise: is a part of a data folder; pass DATA")]
    [InlineData("pretrain --model mix --data DATA --output-dir FILE --preset micro", 1, "--output-dir FILE: is a file, not a folder")]
    [InlineData("reproduce --data DATA --output-dir FILE --preset micro", 1, "--output-dir FILE: is a file, not a folder")]
    [InlineData("data synth --output-dir FILE", 1, "--output-dir FILE: is a file, not a folder")]
    [InlineData("data import FILE --output-dir FILE", 1, "--output-dir FILE: is a file, not a folder")]
    [InlineData("data folds --data DATA --output-dir FILE", 1, "--output-dir FILE: is a file, not a folder")]
    [InlineData("kernels compile --output-dir FILE", 1, "--output-dir FILE: is a file, not a folder")]
    [InlineData("pretrain --model mix --data 'C:\\videos\\data' --output-dir NEW", 1, "--data C:\\videos\\data: there is no such folder; here folders are separated by /")]
    [InlineData("embed --checkpoint DATA --records DATA/test_b --output NEW.zip", 1, "DATA")]
    [InlineData("embed --checkpoint RUN --records DATA/test_b --output NEW.parquet", 1, "NEW.parquet: a file of embeddings must end in .zip, .json or .npy")]
    [InlineData("embed --checkpoint RUN --records DATA --output NEW.zip", 1, "DATA: has no .tfrecords files itself; its folders pairwise, pointwise, test_a and test_b have")]
    [InlineData("evaluate --embeddings DATA --labels FILE", 1, "DATA")]
    public void Mistake_Made_GetsOneLineThatHelps(string command, int exitCode, string line)
    {
        string file = Path.Combine(world.Data, "vocab.txt"), absent = world.New();
        Shell.Run([.. CommandText.Words(command).Select(Real)]).AssertFailed(exitCode, Real(line));
        Assert.False(Directory.Exists(absent));

        string Real(string text) => text.Replace("DATA", world.Data, StringComparison.Ordinal).Replace("RUN", world.Pretrained, StringComparison.Ordinal)
            .Replace("FILE", file, StringComparison.Ordinal).Replace("NEW", absent, StringComparison.Ordinal);
    }
}
