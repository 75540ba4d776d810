using System.CommandLine;
using System.Globalization;
using System.Text;
using VideoSim.Cli.Help;
using VideoSim.Cli.Output;
using VideoSim.Engine.Serialization;
using VideoSim.Models.Batches;
using VideoSim.Models.Datasets;

namespace VideoSim.Cli.Commands;

/// <summary>
/// <c>data folds</c>: the 11 splits of the labelled pairs, and the videos that are on both sides of each
/// (docs/reference-system.md, section 1.5 and section 9, item 18).
/// </summary>
internal static class DataFoldsCommand
{
    public static Command Create()
    {
        var data = CommonOptions.Data();
        var disjoint = CommonOptions.VideoDisjoint();
        var output = new Option<string?>("--output-dir") { HelpName = ValueName.Folder, Description = "write fold-<k>.train.txt and fold-<k>.validation.txt with the line numbers of label.tsv, counted from 1" };
        var json = CommonOptions.Json();
        return new Command("folds", "Show the 11 splits of the labelled pairs, and how many videos are on both sides of each.") { data, disjoint, output, json }.Does((parsed, console, _) =>
        {
            string labels = CommonOptions.OpenData(parsed.GetValue(data)!).Labels;
            var pairs = LabelFile.Read(labels);
            Folds.Require(labels, pairs.Length);
            var (folds, rows) = (new List<Fold>(), new List<FoldRow>());
            for (int number = 1; number <= Folds.Count; number++)
            {
                var fold = Folds.Make(pairs.Length, number);
                if (parsed.GetValue(disjoint))
                    fold = FoldLeak.Without(fold, pairs);
                var leak = FoldLeak.Of(fold, pairs);
                rows.Add(new FoldRow(number, fold.Train.Length, fold.Validation.Length, leak.Videos, leak.PairsWithOne, leak.PairsWithBoth));
                folds.Add(fold);
            }
            if (parsed.GetValue(output) is { } folder)
                folds.ForEach(fold => Write(folder, fold));
            var table = new ResultTable().NumberColumn("fold").NumberColumn("train pairs").NumberColumn("validation pairs")
                .NumberColumn("videos on both sides").NumberColumn("validation pairs with one of them").NumberColumn("with two");
            foreach (var row in rows)
                table.Row([.. new[] { row.Fold, row.TrainPairs, row.ValidationPairs, row.SharedVideos, row.PairsWithOne, row.PairsWithBoth }.Select(Text)]);
            console.WriteResult(table, rows, CliJson.Default.IReadOnlyListFoldRow);
            return CommandLine.Done;
        }, json);
    }

    private static void Write(string folder, Fold fold)
    {
        foreach (var (side, lines) in new[] { ("train", fold.Train), ("validation", fold.Validation) })
        {
            AtomicFile.Write(Path.Combine(folder, $"fold-{fold.Number}.{side}.txt"),
                stream => stream.Write(Encoding.ASCII.GetBytes(string.Concat(lines.Select(line => $"{line + 1}\n")))));
        }
    }

    private static string Text(int value) => value.ToString("N0", CultureInfo.InvariantCulture);
}

/// <summary>One fold in <c>data folds --json</c>.</summary>
internal sealed record FoldRow(int Fold, int TrainPairs, int ValidationPairs, int SharedVideos, int PairsWithOne, int PairsWithBoth);
