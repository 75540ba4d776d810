namespace VideoSim.Cli.Help;

/// <summary>Names that other programs have for our commands and options.</summary>
internal static class ForeignNames
{
    /// <summary>Ours for an option of other programs; the first that the command has is meant.</summary>
    public static readonly Dictionary<string, string[]> Options = new(StringComparer.Ordinal)
    {
        ["--epochs"] = ["--num-train-epochs"],
        ["--num-epochs"] = ["--num-train-epochs"],
        ["--lr"] = ["--learning-rate"],
        ["--rate"] = ["--learning-rate"],
        ["--bs"] = ["--batch-size"],
        ["-b"] = ["--batch-size"],
        ["--batch"] = ["--batch-size"],
        ["--train-batch-size"] = ["--batch-size"],
        ["--per-device-train-batch-size"] = ["--batch-size"],
        ["--steps"] = ["--max-steps"],
        ["--iterations"] = ["--max-steps"],
        ["--iters"] = ["--max-steps"],
        ["--max-iter"] = ["--max-steps"],
        ["--warmup"] = ["--warmup-steps"],
        ["--wd"] = ["--weight-decay"],
        ["--clip"] = ["--max-grad-norm"],
        ["--clip-grad"] = ["--max-grad-norm"],
        ["--grad-accum"] = ["--gradient-accumulation-steps"],
        ["--grad-accum-steps"] = ["--gradient-accumulation-steps"],
        ["--patience"] = ["--early-stopping-patience"],
        ["--eval-every"] = ["--eval-steps"],
        ["--save-every"] = ["--save-steps"],
        ["--log-every"] = ["--logging-steps"],
        ["--log-interval"] = ["--logging-steps"],
        ["--keep"] = ["--save-total-limit"],
        ["--overwrite"] = ["--overwrite-output-dir"],
        ["--force"] = ["--overwrite-output-dir"],
        ["--tensorboard"] = ["--report-to"],
        ["--output"] = ["--output-dir", "--onnx"],
        ["--out"] = ["--output", "--output-dir", "--onnx"],
        ["-o"] = ["--output", "--output-dir", "--onnx"],
        ["--outdir"] = ["--output-dir"],
        ["--out-dir"] = ["--output-dir"],
        ["--save-dir"] = ["--output-dir"],
        ["--output-dir"] = ["--output", "--onnx"],
        ["--dataset"] = ["--data"],
        ["--data-dir"] = ["--data"],
        ["--train-file"] = ["--data"],
        ["--input"] = ["--inputs", "--records", "--embeddings"],
        ["-i"] = ["--inputs", "--records", "--embeddings"],
        ["--model-dir"] = ["--checkpoint", "--pretrained"],
        ["--model-name-or-path"] = ["--pretrained", "--checkpoint", "--model"],
        ["--ckpt"] = ["--checkpoint", "--pretrained"],
        ["--checkpoint"] = ["--pretrained"],
        ["--bert-dir"] = ["--encoder"],
        ["--workers"] = ["--threads"],
        ["--num-workers"] = ["--threads"],
        ["--jobs"] = ["--threads"],
        ["-j"] = ["--threads"],
        ["-k"] = ["--top"],
        ["--topk"] = ["--top"],
        ["--limit"] = ["--top"],
        ["--silent"] = ["--quiet"],
        ["--debug"] = ["--verbose"],
        ["-v"] = ["--version", "--verbose"],
        ["-V"] = ["--version", "--verbose"],
        ["--gpu"] = ["--device cuda"],
        ["--gpus"] = ["--device cuda"],
        ["--cuda"] = ["--device cuda"],
        ["--cpu"] = ["--device cpu"],
        ["--bf16"] = ["--precision bf16"],
        ["--fp16"] = ["--precision bf16"],
        ["--amp"] = ["--precision bf16"],
    };

    /// <summary>Ours for a command of other programs.</summary>
    public static readonly Dictionary<string, string> Commands = new(StringComparer.Ordinal)
    {
        ["train"] = "pretrain",
        ["fit"] = "pretrain",
        ["tune"] = "finetune",
        ["eval"] = "evaluate",
        ["score"] = "evaluate",
        ["test"] = "evaluate",
        ["encode"] = "embed",
        ["predict"] = "embed",
        ["infer"] = "embed",
        ["similar"] = "search",
        ["query"] = "search",
        ["find"] = "search",
        ["plot"] = "report",
        ["summary"] = "report",
        ["average"] = "ensemble",
        ["merge"] = "ensemble",
        ["onnx"] = "export",
        ["benchmark"] = "bench",
        ["gpus"] = "devices",
        ["version"] = "--version",
    };

    /// <summary>Options of other programs that need no counterpart here, with what to do instead.</summary>
    public static readonly Dictionary<string, string> Unneeded = new(StringComparer.Ordinal)
    {
        ["--resume"] = Resumes,
        ["--resume-from-checkpoint"] = Resumes,
        ["--continue"] = Resumes,
    };

    private const string Resumes = "the same command continues an interrupted run";
}
