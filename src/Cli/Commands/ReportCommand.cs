using System.CommandLine;
using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;
using VideoSim.Cli.Help;
using VideoSim.Engine.Serialization;
using VideoSim.Models.Progress;
using VideoSim.Models.Reports;

namespace VideoSim.Cli.Commands;

/// <summary><c>report</c>: one page about training runs.</summary>
internal static class ReportCommand
{
    // The JSON is not put into a web page, so titles stay readable.
    private static readonly ReportJson Readable = new(new JsonSerializerOptions(ReportJson.Default.Options) { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping });

    private const int MostNotes = 3;

    private static readonly string[] Endings = [".html", ".htm"];

    public static Command Create()
    {
        var runs = new Argument<string[]>("runs") { Description = "folders of runs, of several folds, or of reproduce", HelpName = ValueName.Folder, Arity = ArgumentArity.OneOrMore };
        var output = new Option<string?>("--output") { Description = "HTML file; not needed with --json", HelpName = ValueName.File };
        var bench = new Option<string?>("--bench") { Description = "result of bench --json, to show the parts of a step", HelpName = ValueName.File };
        var json = CommonOptions.Json();
        var command = new Command("report", "Write one page with the result, curves, folds, errors and origin of training runs.") { runs, output, bench, json };
        command.Checks(result =>
        {
            if (result.GetValue(output) is not { } file)
            {
                if (!result.GetValue(json))
                    result.AddError("report needs --output FILE.html or --json");
            }
            else if (!Endings.Contains(Path.GetExtension(file), StringComparer.OrdinalIgnoreCase))
            {
                result.AddError($"--output {file}: the file's name must end in {string.Join(" or ", Endings)}");
            }
        });
        return command.Does((parsed, console, cancellation) =>
        {
            string[] folders = parsed.GetValue(runs)!;
            string? file = parsed.GetValue(output), times = parsed.GetValue(bench);
            if (file is not null)
                AtomicFile.RequireWritable(file, [.. folders, .. times is null ? Array.Empty<string>() : [times]]);
            var data = ReportBuilder.Build(folders, times, console.Progress, cancellation);
            // Before the page is written, so that a failure leaves nothing behind.
            string? result = parsed.GetValue(json) ? JsonSerializer.Serialize(data, Readable.ReportData) : null;
            if (file is not null)
            {
                Write(file, data, console.Progress);
                foreach (string note in data.Notes.Take(MostNotes))
                    console.Progress.Note(Printable.Whole(note));
                if (data.Notes.Count > MostNotes)
                    console.Progress.Note($"{data.Notes.Count - MostNotes} more notes are at the end of the report");
            }
            if (result is not null)
                console.WriteResult(text => text.WriteLine(Printable.Json(result)));
            return CommandLine.Done;
        }, json);
    }

    /// <summary>
    /// Writes the report of a finished reproduction. A failure is a note, because the result is done.
    /// </summary>
    public static void WriteInto(string folder, IProgressSink progress, CancellationToken cancellation)
    {
        try
        {
            Write(Path.Combine(folder, "report.html"), ReportBuilder.Build([folder], benchFile: null, progress, cancellation), progress);
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            progress.Note($"there is no report, because it failed: {Printable.OneLine(e.Message)}");
        }
    }

    private static void Write(string file, ReportData data, IProgressSink progress)
    {
        AtomicFile.Write(file, stream => ReportPage.Write(stream, data));
        progress.Note(string.Create(CultureInfo.InvariantCulture, $"{file}: report of {data.Runs.Count} {(data.Runs.Count == 1 ? "run" : "runs")}, {new FileInfo(file).Length / 1e3:N0} kB"));
    }
}
