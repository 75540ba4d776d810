using System.Globalization;
using System.Text;
using VideoSim.Kernels.Contract;
using VideoSim.Models.Profiling;
using VideoSim.Models.Zoo;

namespace VideoSim.Tables;

/// <summary>
/// Writes <c>docs/kernels/floors.md</c> from <c>floors.template.md</c>: the moved and the necessary bytes of every
/// function of the bf16 steps, and the instructions of every kernel.
/// </summary>
public static class FloorsPage
{
    private const string Template = "floors.template.md", Product = "matmul";

    /// <summary>All steps of the published sizes in bf16.</summary>
    public static IReadOnlyList<CountedStep> CountSteps() => CountedStep.Of("reference", ModelZoo.Names, [], [ElementType.BFloat16]);

    /// <summary>The text of the page.</summary>
    /// <param name="steps">The steps to list.</param>
    public static string Text(IReadOnlyList<CountedStep> steps)
    {
        using var template = new StreamReader(typeof(FloorsPage).Assembly.GetManifestResourceStream(Template)!);
        return template.ReadToEnd()
            .Replace("{{allowed}}", KernelFloor.Allowed.ToString(CultureInfo.InvariantCulture), StringComparison.Ordinal)
            .Replace("{{functions}}", Functions(steps), StringComparison.Ordinal)
            .Replace("{{instructions}}", InstructionTable.Embedded.Markdown(InstructionTable.Listed(steps)), StringComparison.Ordinal)
            .Replace("{{steps}}", Steps(steps), StringComparison.Ordinal);
    }

    private static string Functions(IReadOnlyList<CountedStep> steps)
    {
        var text = new StringBuilder("""
            | function | kernels | step | necessary, MB | moved, MB | ratio | MFLOP |
            |---|---|---|--:|--:|--:|--:|
            """);
        foreach (var (step, function) in KernelFloor.Largest(steps))
        {
            string kernels = string.Join("<br>", function.Launches.Select(static launch => $"`{launch.Kernel.Entry}`"));
            text.Append(CultureInfo.InvariantCulture, $"\n| {function.Text} | {kernels} | {step} | {Millions(function.NecessaryBytes)} | {Millions(function.Cost.MovedBytes)} | ")
                .Append(CultureInfo.InvariantCulture, $"{function.Ratio:F3} | {Millions(function.Cost.Flops)} |");
        }
        return text.ToString();
    }

    private static string Steps(IReadOnlyList<CountedStep> steps)
    {
        var text = new StringBuilder("""
            | step | videos | parameters | attention, LayerNorm | activations | others | these three | necessary | ratio | Adam | products | TFLOP |
            |---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|
            """);
        foreach (var step in steps)
        {
            double fused = Moved(step, "attention", "layernorm"), activations = Moved(step, "activation"), adam = Moved(step, "adam"), products = Moved(step, Product);
            var all = step.Sum(static _ => true);
            double judged = all.MovedBytes - adam - products;
            double necessary = step.Functions.Where(static function => function.Launches[0].Kernel.Family is not (Product or "adam")).Sum(static function => function.NecessaryBytes);
            text.Append(CultureInfo.InvariantCulture, $"\n| {step.Kind} | {step.Videos} | {step.Parameters:N0} | {Billions(fused)} | {Billions(activations)} | {Billions(judged - fused - activations)} | ")
                .Append(CultureInfo.InvariantCulture, $"{Billions(judged)} | {Billions(necessary)} | {judged / necessary:F3} | {Billions(adam)} | {Billions(products)} | {all.Flops / 1e12:N2} |");
        }
        return text.ToString();
    }

    private static double Moved(CountedStep step, params string[] families) => step.Sum(launch => families.Contains(launch.Kernel.Family)).MovedBytes;

    private static string Millions(double value) => (value / 1e6).ToString("N2", CultureInfo.InvariantCulture);

    private static string Billions(double value) => (value / 1e9).ToString("N2", CultureInfo.InvariantCulture);
}
