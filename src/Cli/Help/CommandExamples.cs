namespace VideoSim.Cli.Help;

/// <summary>Examples of a command, and the page that describes it.</summary>
/// <param name="Page">Path of the page in the repository.</param>
/// <param name="Examples">What each example does, and its words without the name of the program.</param>
internal sealed record CommandHelp(string Page, params (string What, string Line)[] Examples);

/// <summary>
/// The examples that <c>--help</c> shows. A test parses all of them and runs those that need no files.
/// </summary>
internal static class CommandExamples
{
    private const string Commands = "docs/commands.md", Training = "docs/training.md";

    private static readonly Dictionary<string, CommandHelp> All = new(StringComparer.Ordinal)
    {
        [""] = new(Commands,
            ("Does everything on synthetic data, from data to a scored submission, in a few seconds.", "reproduce --preset micro --models mix --output-dir reproduction"),
            ("Shows the help of a command.", "pretrain --help")),
        ["reproduce"] = new(Commands,
            ("Does everything with one model, in a few seconds.", "reproduce --preset micro --models mix --output-dir reproduction"),
            ("Lists the published runs with steps, memory and disk, and trains nothing.", "reproduce --preset reference --dry-run"),
            ("Trains on your own data folder.", "reproduce --data data --models mix uniter --folds 1 --output-dir runs/all"),
            ("Lists the 72 published trainings for a scheduler.", "reproduce --preset reference --plan"),
            ("Does one of them.", "reproduce --data data --output-dir runs/all --part mix/fold-3"),
            ("Writes the results when all are done.", "reproduce --data data --output-dir runs/all --collect")),
        ["data"] = new(Commands,
            ("Writes synthetic data.", "data synth --output-dir demo/data"),
            ("Makes a data folder of your own videos.", "data import videos.csv --frames frames --output-dir data")),
        ["data import"] = new("docs/video-tables.md",
            ("Imports videos without labels.", "data import videos.csv --frames frames --output-dir data"),
            ("Imports videos with labelled pairs, and leaves out bad rows.", "data import videos.jsonl --frames frames --pairs pairs.tsv --skip-bad-rows --output-dir data"),
            ("Imports the first of two parts. When both are there, --collect joins them.", "data import videos.csv --frames frames --output-dir data --shard 1/2")),
        ["data synth"] = new(Commands,
            ("Writes a small dataset.", "data synth --output-dir demo/small --videos 80 --pairs 66 --pair-videos 24 --test-videos 100 --tags 48"),
            ("Writes frames of 64 values.", "data synth --output-dir demo/narrow --videos 200 --frame-width 64")),
        ["data inspect"] = new(Commands, ("Shows what the files of a folder contain.", "data inspect data/pairwise")),
        ["data verify"] = new("docs/challenge-data.md",
            ("Reads every record of two folders.", "data verify data/pointwise data/pairwise"),
            ("Compares the challenge's files with their published sums.", "data verify --official challenge")),
        ["data folds"] = new(Commands,
            ("Shows the splits.", "data folds --data data"),
            ("Writes the line numbers of each split.", "data folds --data data --output-dir folds")),
        ["pretrain"] = new(Training,
            ("Trains with the default preset.", "pretrain --model mix --data data --output-dir runs/mix"),
            ("Starts from a published encoder.", "pretrain --model uniter --data data --encoder bert=chinese-roberta --output-dir runs/uniter"),
            ("Tries a run with a few steps.", "pretrain --model mix --preset micro --data data --max-steps 60 --output-dir runs/try")),
        ["finetune"] = new(Training,
            ("Finetunes on one split of the pairs.", "finetune --model mix --data data --pretrained runs/mix --fold 1 --output-dir runs/mix-1"),
            ("Finetunes on all splits.", "finetune --model mix --data data --pretrained runs/mix --fold all --output-dir runs/mix-folds")),
        ["embed"] = new(Commands,
            ("Computes the embeddings of all videos of a folder.", "embed --checkpoint runs/mix-1 --records data/test_b --output mix-1.zip"),
            ("Computes the embedding of one video.", "embed --checkpoint runs/mix-1 --frames cat.npy --title 'A cat sleeps' --output cat.npy"),
            ("Embeds the second of four parts, as on the second of four machines.", "embed --checkpoint runs/mix-1 --records data/test_b --output mix-1.zip --shard 2/4"),
            ("Joins the four parts.", "embed --checkpoint runs/mix-1 --records data/test_b --output mix-1.zip --collect")),
        ["ensemble"] = new(Commands,
            ("Averages the splits of a model.", "ensemble --inputs mix-1.zip mix-2.zip --output mix.zip"),
            ("Adds two models with the published weights.", "ensemble --inputs mix=mix.zip uniter=uniter.zip --output result.zip"),
            ("Adds two files with other weights.", "ensemble --inputs a.npy b.npy --weights 0.7 0.3 --output sum.npy")),
        ["export"] = new("docs/onnx.md", ("Writes the best model of a run.", "export --checkpoint runs/mix-1 --onnx mix.onnx")),
        ["evaluate"] = new(Commands, ("Scores embeddings.", "evaluate --embeddings result.zip --labels data/test_b/label.tsv")),
        ["search"] = new("docs/your-own-videos.md",
            ("Finds the ten videos that are most similar to one of them.", "search --embeddings result.zip --id 2345203561710875 --records data/test_b"),
            ("Finds videos for each video of another file.", "search --embeddings result.zip --query cat.npy --top 3")),
        ["report"] = new(Commands,
            ("Writes a page about one run.", "report runs/mix-1 --output report.html"),
            ("Compares two runs.", "report runs/mix-1 runs/try-1 --output report.html"),
            ("Prints the numbers of a whole reproduction.", "report reproduction --json")),
        ["presets"] = new(Training,
            ("Lists the presets.", "presets"),
            ("Lists every key of a preset.", "presets tiny --model uniter"),
            ("Prints the schema of the files of --config.", "presets --schema")),
        ["inspect"] = new(Commands,
            ("Shows the parameters of a model by block.", "inspect --model mix --preset reference"),
            ("Writes all values and gradients of a step.", "inspect --step --checkpoint runs/mix --records data/test_b --output step.safetensors")),
        ["convert"] = new("docs/challenge-data.md", ("Converts an encoder with weights of TensorFlow.", "convert chinese_roformer encoders/roformer")),
        ["devices"] = new("docs/gpu.md",
            ("Lists what this machine has.", "devices"),
            ("The same as JSON.", "devices --json")),
        ["kernels"] = new("docs/write-a-kernel.md",
            ("Lists the kernels.", "kernels list"),
            ("Checks a kernel without a GPU.", "kernels check dropout")),
        ["kernels list"] = new("docs/write-a-kernel.md", ("Lists the kernels with the launches of small models.", "kernels list --preset micro")),
        ["kernels show"] = new("docs/write-a-kernel.md",
            ("Shows registers, occupancy and instructions.", "kernels show dropout_f32"),
            ("Shows the machine code for an H100.", "kernels show dropout_f32 --sass"),
            ("Shows the PTX of an edited source.", "kernels show dropout_f32 --ptx --source Dropout.cu")),
        ["kernels check"] = new("docs/write-a-kernel.md",
            ("Checks all kernels of a family.", "kernels check dropout"),
            ("Checks an edited source.", "kernels check dropout --source Dropout.cu"),
            ("Checks variants, and two sets of sources.", "kernels check softmax --define WARPS=4,8,16 --against kernels"),
            ("Runs the installed kernels on the GPU.", "kernels check dropout --device cuda")),
        ["kernels bench"] = new("docs/benchmarks.md",
            ("Measures a family with small sizes.", "kernels bench dropout --preset micro --seconds 0.01"),
            ("Measures all kernels on the GPU.", "kernels bench --device cuda --json"),
            ("Measures variants in turn, and writes the best ones to a table.", "kernels bench softmax --device cuda --define WARPS=4,8,16 --write-table kernels/variants.json")),
        ["kernels compile"] = new("docs/write-a-kernel.md",
            ("Compiles all kernels.", "kernels compile"),
            ("Lists the resources of a family.", "kernels compile dropout"),
            ("Compiles an edited copy of the sources.", "kernels compile --kernels kernels")),
        ["kernels new"] = new("docs/write-a-kernel.md", ("Writes the files of a kernel.", "kernels new SwiGlu")),
        ["kernels clean"] = new("docs/write-a-kernel.md", ("Frees the caches.", "kernels clean")),
        ["kernels build-emulator"] = new("docs/write-a-kernel.md", ("Builds the emulator and prints its folder.", "kernels build-emulator")),
        ["bench"] = new("docs/benchmarks.md",
            ("Measures the training step of a small model.", "bench --model mix --preset micro --steps 3"),
            ("Measures finetuning on the GPU in bf16.", "bench --model uniter --stage finetune --preset reference --device cuda --precision bf16")),
        ["bench compare"] = new("docs/benchmarks.md",
            ("Compares two runs of bench/all.", "bench compare artifacts/bench/monday artifacts/bench/tuesday"),
            ("Fails if anything is slower by more than 5 %.", "bench compare before.json after.json --threshold 5")),
        ["bench tune"] = new("docs/benchmarks.md",
            ("Tunes the products of one model on the GPU.", "bench tune --models uniter --preset reference --precision bf16 --output tuning.json"),
            ("Adds the products of all models.", "bench tune --preset reference --precision bf16 --output tuning.json")),
        ["completion"] = new(Commands,
            ("Completes in this bash.", "completion bash"),
            ("Prints the script for fish.", "completion fish")),
        ["help"] = new(Commands, ("Shows the help of a command.", "help data import")),
    };

    /// <summary>The examples of a command; none for one that has no entry.</summary>
    public static CommandHelp Of(string path) => All.GetValueOrDefault(path) ?? new CommandHelp(Commands);

    /// <summary>The commands that have examples.</summary>
    public static IEnumerable<string> Paths => All.Keys;
}
