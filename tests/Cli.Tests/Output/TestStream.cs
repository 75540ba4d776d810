using System.Text;
using Spectre.Console;

namespace VideoSim.Cli.Tests.Output;

/// <summary>A stream of a process that remembers what was written.</summary>
internal sealed class TestStream(bool isTerminal, int width = 60) : IAnsiConsoleOutput
{
    private readonly StringBuilder _text = new();

    public TextWriter Writer => new StringWriter(_text) { NewLine = "\n" };

    public bool IsTerminal => isTerminal;

    public int Width { get; set; } = width;

    public int Height => 24;

    public string Text => _text.ToString();

    public void SetEncoding(Encoding encoding)
    {
    }
}
