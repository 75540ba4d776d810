using System.CommandLine;
using System.CommandLine.Invocation;

namespace VideoSim.Cli.Help;

/// <summary>What <c>--help</c> does.</summary>
internal sealed class HelpAction : SynchronousCommandLineAction
{
    /// <inheritdoc/>
    public override bool ClearsParseErrors => true;

    /// <inheritdoc/>
    public override int Invoke(ParseResult parseResult) => Write(parseResult.CommandResult.Command, parseResult);

    /// <summary>Writes the help of a command; returns the exit code.</summary>
    public static int Write(Command command, ParseResult parsed)
    {
        new HelpWriter(parsed.InvocationConfiguration.Output, HelpWriter.WidthOfOutput).Write(command);
        return 0;
    }
}
