using System.Globalization;
using VideoSim.Engine;
using VideoSim.Models.Batches;
using VideoSim.Models.Datasets;
using VideoSim.Models.Recipes;
using VideoSim.Models.Text;

namespace VideoSim.Models.Training;

/// <summary>One part of a data folder.</summary>
/// <param name="Part">Purpose of the part.</param>
/// <param name="Files">Number of files.</param>
/// <param name="Bytes">Their size.</param>
/// <param name="Finding">A fact that is known without reading all of it, or the problem.</param>
public sealed record DataPart(string Part, int Files, long Bytes, string Finding);

/// <summary>
/// A quick check of a data folder before hours of work. All files of a reproduction must exist, lists must be
/// readable, and each file of videos must begin with a record of the right width. <c>data verify</c> checks all other
/// records.
/// </summary>
/// <param name="Parts">The parts of the folder.</param>
/// <param name="Problems">Errors that would stop a reproduction, one line each.</param>
public sealed record DataSurvey(IReadOnlyList<DataPart> Parts, IReadOnlyList<string> Problems)
{
    /// <summary>Checks a folder.</summary>
    /// <param name="data">The folder.</param>
    /// <param name="texts">Sources of the models' vocabularies.</param>
    /// <param name="presets">The models' recipes.</param>
    public static DataSurvey Of(DataFolder data, IEnumerable<TextSource> texts, IReadOnlyList<Preset> presets)
    {
        var (parts, problems) = (new List<DataPart>(), new List<string>());
        Records("videos for pretraining", () => data.Pointwise);
        Records("videos of pairs", () => [data.Pairwise]);
        List("labelled pairs", data.Labels, () =>
        {
            int pairs = LabelFile.Read(data.Labels).Length;
            Folds.Require(data.Labels, pairs);
            return $"{Count(pairs)} pairs";
        });
        Records("videos of test_b", () =>
        {
            data.RequireTest();
            return [data.Test("b")];
        });
        Look("tags", () => [.. data.TagListFiles], _ =>
        {
            foreach (var preset in presets)
                data.RequireTags(preset);
            return $"{Count(data.ReadTags().ClassCount)} tags";
        });
        foreach (var text in texts.Distinct())
            Look("vocabulary", () => [text.VocabularyFor(data)], static files => $"{Count(Vocabulary.Load(files[0]).Count)} pieces");
        if (File.Exists(data.TestLabels("b")))
            List("labels of test_b", data.TestLabels("b"), () => $"{Count(LabelFile.Read(data.TestLabels("b")).Length)} pairs");
        else
            parts.Add(new DataPart("labels of test_b", 0, 0, "none: scores are left out"));
        return new DataSurvey(parts, problems);

        void Records(string part, Func<IReadOnlyList<string>> expand) => Look(part, expand, files =>
        {
            foreach (string file in files)
            {
                if (data.Format.FirstProblem(file, presets[0].Model.FrameWidth) is { } problem)
                    throw new DataException($"{problem}");
            }
            return "";
        });

        void List(string part, string file, Func<string> read) => Look(part, () => [file], _ => read());

        void Look(string part, Func<IReadOnlyList<string>> expand, Func<IReadOnlyList<string>, string> read)
        {
            IReadOnlyList<string> files = [];
            string finding;
            try
            {
                files = expand();
                finding = read(files);
            }
            catch (DataException e)
            {
                finding = e.Message;
                problems.Add(e.Message);
            }
            var there = files.Select(static file => new FileInfo(file)).Where(static file => file.Exists).ToArray();
            parts.Add(new DataPart(part, there.Length, there.Sum(static file => file.Length), finding));
        }
    }

    private static string Count(int count) => count.ToString("N0", CultureInfo.InvariantCulture);
}
