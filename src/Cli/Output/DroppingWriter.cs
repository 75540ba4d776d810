using System.Text;
using VideoSim.Engine.Serialization;

namespace VideoSim.Cli.Output;

/// <summary>
/// Writes to a stream that may be closed or full, such as stderr in the log of a long run. Text that cannot be written
/// is dropped, and the work continues.
/// </summary>
internal sealed class DroppingWriter(TextWriter inner) : TextWriter
{
    public override Encoding Encoding => inner.Encoding;

    public override void Write(char value) => Try(() => inner.Write(value));

    public override void Write(char[] buffer, int index, int count) => Try(() => inner.Write(buffer, index, count));

    public override void Write(string? value) => Try(() => inner.Write(value));

    public override void WriteLine(string? value) => Try(() => inner.WriteLine(value));

    public override void Flush() => Try(inner.Flush);

    private static void Try(Action write)
    {
        try
        {
            write();
        }
        catch (Exception e) when (FileFailure.Is(e))
        {
            // There is no place left to report it.
        }
    }
}
