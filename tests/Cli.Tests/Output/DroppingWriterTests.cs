using VideoSim.Cli.Output;
using Xunit;

namespace VideoSim.Cli.Tests.Output;

public sealed class DroppingWriterTests
{
    [Fact]
    public void Write_StreamThatTakesNothing_IsDropped()
    {
        using var full = new StreamWriter(new Refusing()) { AutoFlush = true };
        using var writer = new DroppingWriter(full);
        writer.Write('x');
        writer.Write("text");
        writer.WriteLine("line");
        writer.Write(['a', 'b'], 0, 2);
        writer.Flush();
    }

    [Fact]
    public void Write_StreamThatTakesAll_PassesItOn()
    {
        using var inner = new StringWriter { NewLine = "\n" };
        using var writer = new DroppingWriter(inner);
        writer.Write('x');
        writer.Write("text");
        writer.WriteLine("line");
        writer.Write(['a', 'b'], 0, 2);
        Assert.Equal("xtextline\nab", inner.ToString());
    }

    private sealed class Refusing : MemoryStream
    {
        public override void Write(ReadOnlySpan<byte> buffer) => throw new UnauthorizedAccessException("Bad file descriptor");

        public override void Write(byte[] buffer, int offset, int count) => throw new IOException("No space left on device");
    }
}
