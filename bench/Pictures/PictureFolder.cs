using System.Text;
using VideoSim.Engine;
using VideoSim.Engine.Serialization;
using VideoSim.Models.Profiling;
using VideoSim.Tables.Pages;

namespace VideoSim.Pictures;

/// <summary>
/// The pictures of a run, in the folder <c>pictures</c> beside its <c>run.json</c>, and those of timed variants.
/// </summary>
public static class PictureFolder
{
    private static readonly Func<BenchRun, IReadOnlyList<BenchRow>, Theme, SvgPage?>[] Pictures = [RooflinePicture.Draw, SizesPicture.Draw, StepsPicture.Draw, MemoryPicture.Draw];

    /// <summary>Draws each picture whose data are there, in light and dark, then writes all of them.</summary>
    /// <param name="folder">A folder that <c>bench/all</c> wrote.</param>
    /// <returns>The paths of the files.</returns>
    /// <exception cref="DataException">
    /// The folder has no readable run, or no rows for any picture; the message names file and field. Then no file is
    /// written. Or a file could not be written.
    /// </exception>
    public static IReadOnlyList<string> Write(string folder)
    {
        var run = BenchResults.ReadRun(Path.Combine(folder, BenchRun.FileName));
        string rowsFile = Path.Combine(folder, BenchRun.RowsFileName);
        var drawn = Draw(run, BenchResults.ReadRows(rowsFile));
        if (drawn.Count == 0)
            throw new DataException($"{rowsFile}: has no rows for any picture");
        foreach (var (name, text) in drawn)
            AtomicFile.Write(Path.Combine(folder, FiguresOfPages.Pictures, name), stream => stream.Write(Encoding.UTF8.GetBytes(text)));
        return [.. drawn.Keys.Select(name => Path.Combine(folder, FiguresOfPages.Pictures, name))];
    }

    /// <summary>
    /// Draws the builds of a file of <c>kernels bench --json</c>, in light and dark, into files beside it: those of
    /// <c>warps.json</c> are <c>warps-light.svg</c> and <c>warps-dark.svg</c>.
    /// </summary>
    /// <returns>The paths of the files.</returns>
    /// <exception cref="DataException">
    /// The file cannot be read or has no launch with several builds; the message names it. Or a file could not be
    /// written.
    /// </exception>
    public static IReadOnlyList<string> WriteVariants(string file)
    {
        var results = BenchResults.Read(file);
        var drawn = new Dictionary<string, string>();
        foreach (var theme in Theme.All)
        {
            var page = VariantsPicture.Draw(results, theme) ?? throw new DataException($"{file}: has no launch with several builds, as 'kernels bench --define' or '--against' writes them");
            drawn.Add($"{Path.ChangeExtension(file, null)}-{theme.Name}.svg", page.ToString());
        }
        foreach (var (path, text) in drawn)
            AtomicFile.Write(path, stream => stream.Write(Encoding.UTF8.GetBytes(text)));
        return [.. drawn.Keys];
    }

    /// <summary>The files of a run's pictures by name, such as <c>roofline-light.svg</c>.</summary>
    public static IReadOnlyDictionary<string, string> Draw(BenchRun run, IReadOnlyList<BenchRow> rows)
    {
        var files = new Dictionary<string, string>();
        foreach (var picture in Pictures)
        {
            foreach (var theme in Theme.All)
            {
                if (picture(run, rows, theme) is { } page)
                    files.Add($"{page.Name}-{theme.Name}.svg", page.ToString());
            }
        }
        return files;
    }
}
