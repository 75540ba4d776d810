using System.Globalization;

namespace VideoSim.Fuzz;

/// <summary>Executes inputs of findings again. The folder of an input has the name of its format.</summary>
internal static class Replay
{
    /// <summary>Prints what each input does.</summary>
    /// <returns>1 if an input has a finding, otherwise 0.</returns>
    public static int Run(IReadOnlyList<string> files)
    {
        using var work = new WorkFolder();
        int exit = 0;
        foreach (string file in files)
        {
            var outcome = new Execution(FormatOf(file), work.Path).Run(File.ReadAllBytes(file));
            string result = outcome.Finding is { } finding ? $"FINDING {finding.Oracle}: {Findings.Shown(finding.Detail)}" : outcome.Refusal is { } refusal ? $"refused: {Findings.Shown(refusal)}" : "taken";
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{file}: {outcome.Time.TotalMilliseconds:F1} ms, {result}"));
            exit = outcome.Finding is null ? exit : 1;
        }
        return exit;
    }

    /// <summary>Writes a smaller input with the same finding beside a file.</summary>
    public static int Minimize(string file)
    {
        using var work = new WorkFolder();
        var execution = new Execution(FormatOf(file), work.Path);
        byte[] input = File.ReadAllBytes(file);
        if (execution.Run(input).Finding is null)
        {
            Console.Error.WriteLine($"{file}: has no finding");
            return 1;
        }
        byte[] small = Minimizer.Minimize(input, bytes => execution.Run(bytes).Finding is { } finding ? $"{finding.Oracle} {finding.Cause}" : null);
        File.WriteAllBytes($"{file}.small", small);
        Console.WriteLine($"{file}.small: {small.Length} of {input.Length} bytes");
        return 0;
    }

    private static Format FormatOf(string file) => FormatList.Find(Path.GetFileName(Path.GetDirectoryName(Path.GetFullPath(file)))!);
}
