using System.Text;
using VideoSim.Engine.Interop;

namespace VideoSim.Cli.Output;

/// <summary>Prepares stdout and stderr, which may be closed, full, or a terminal that is gone.</summary>
internal static class StandardStreams
{
    /// <summary>
    /// From now on text for stderr that cannot be written is dropped. Text for a closed stdout fails like that for a
    /// full one.
    /// </summary>
    public static void Prepare()
    {
        bool hasOutput = StandardStream.IsInherited(StandardStream.Output), hasError = StandardStream.IsInherited(StandardStream.Error);
        StandardStream.FillClosed();
        if (!hasOutput)
            Console.SetOut(new ClosedWriter());
        Console.SetError(hasError ? new DroppingWriter(Console.Error) : TextWriter.Null);
    }

    private sealed class ClosedWriter : TextWriter
    {
        public override Encoding Encoding => Encoding.UTF8;

        public override void Write(char value) => throw new IOException("it is closed");
    }
}
