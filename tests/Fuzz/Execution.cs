using System.Diagnostics;
using System.Globalization;
using System.Text;
using VideoSim.Engine;

namespace VideoSim.Fuzz;

/// <summary>Something that no input may cause.</summary>
/// <param name="Oracle">The rule that was broken: exception, message, value, time, memory, crash or hang.</param>
/// <param name="Cause">Equal for inputs that break it in the same way.</param>
/// <param name="Detail">One line for the reader of the report.</param>
internal sealed record Finding(string Oracle, string Cause, string Detail);

/// <summary>The result of an execution.</summary>
/// <param name="Refusal">The message of the reader; null if it took the input.</param>
/// <param name="Finding">The broken rule, if any.</param>
/// <param name="Time">Time of reading and comparing: of the clock or of the processor, whichever is less.</param>
internal readonly record struct Outcome(string? Refusal, Finding? Finding, TimeSpan Time);

/// <summary>Lets the reader of a format read inputs, and applies the rules that need no history.</summary>
internal sealed class Execution
{
    // A message is one line of a terminal, or a few. The path of the input is short.
    private const int LongestMessage = 2_000;

    private readonly Format _format;
    private readonly string _folder;

    /// <param name="format">The format.</param>
    /// <param name="root">Folder for its files.</param>
    public Execution(Format format, string root)
    {
        _format = format;
        _folder = Path.Combine(root, format.Name);
        Input = Path.Combine(_folder, format.FileName);
        Directory.CreateDirectory(Path.GetDirectoryName(Input)!);
        format.Prepare(_folder);
    }

    /// <summary>Path of the current input. It stays if the process is killed.</summary>
    public string Input { get; }

    /// <summary>Reads one input.</summary>
    public Outcome Run(byte[] input)
    {
        File.WriteAllBytes(Input, input);
        string? refusal = null;
        Finding? finding = null;
        long allocated = GC.GetAllocatedBytesForCurrentThread(), start = Stopwatch.GetTimestamp();
        var cpu = Environment.CpuUsage.TotalTime;
        try
        {
            _format.Read(Input, input);
        }
        catch (DataException e)
        {
            refusal = e.Message;
        }
        catch (WrongValueException e)
        {
            finding = new Finding("value", e.What, e.Message);
        }
        catch (Exception e)
        {
            finding = new Finding("exception", $"{e.GetType().Name} in {Origin(e)}", $"{e.GetType().Name} in {Origin(e)}: {e.Message}");
        }
        // On a busy machine the clock runs while the process waits for a processor.
        var time = new[] { Stopwatch.GetElapsedTime(start), Environment.CpuUsage.TotalTime - cpu }.Min();
        allocated = GC.GetAllocatedBytesForCurrentThread() - allocated;
        if (refusal is not null && Complaint(refusal) is { } complaint)
            finding = new Finding("message", complaint, $"{complaint}: {refusal}");
        if (allocated > _format.FreeBytes + _format.BytesPerByte * input.Length)
            finding ??= new Finding("memory", "allocations", string.Create(CultureInfo.InvariantCulture, $"{input.Length:N0} bytes took {allocated:N0} bytes of memory"));
        return new Outcome(refusal, finding, time);
    }

    /// <summary>What is wrong with a message; null if it is fit for a terminal.</summary>
    public static string? FaultOf(string message) => message.Length > LongestMessage ? "the message is too long"
        : message.EnumerateRunes().Any(IsUnprintable) || HasLoneSurrogate(message) ? "the message has unprintable characters"
        : null;

    private string? Complaint(string message) => FaultOf(message)
        ?? (_format.NamesFile && !message.Contains(_folder, StringComparison.Ordinal) ? "the message does not name the file" : null);

    private static bool HasLoneSurrogate(string text)
    {
        for (int i = 0; i < text.Length; i++)
        {
            if (!char.IsSurrogate(text[i]))
                continue;
            if (i + 1 == text.Length || !char.IsSurrogatePair(text[i], text[i + 1]))
                return true;
            i++;
        }
        return false;
    }

    // Also characters that change the direction of a line. The joiners stay, because letters and emoji need them.
    private static bool IsUnprintable(Rune rune) => Rune.GetUnicodeCategory(rune) is UnicodeCategory.Control or UnicodeCategory.LineSeparator
        or UnicodeCategory.ParagraphSeparator || (Rune.GetUnicodeCategory(rune) is UnicodeCategory.Format && rune.Value is not (0x200C or 0x200D));

    // The method of the program that threw, or that called the library that threw.
    private static string Origin(Exception e)
    {
        var methods = new StackTrace(e).GetFrames().Select(static frame => frame.GetMethod()).OfType<System.Reflection.MethodBase>().ToArray();
        var origin = methods.FirstOrDefault(static method => method.DeclaringType?.FullName?.StartsWith("VideoSim.", StringComparison.Ordinal) ?? false) ?? methods.FirstOrDefault();
        return origin is null ? "?" : $"{origin.DeclaringType?.Name}.{origin.Name}";
    }
}
