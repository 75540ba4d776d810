using VideoSim.Engine;
using VideoSim.Models.Datasets;
using VideoSim.Models.Recipes;

namespace VideoSim.Models.Training;

/// <summary>
/// The number of values of a frame in files of videos. Only the first valid video of a file is read. All other videos
/// are compared with it when the file is opened.
/// </summary>
internal static class FrameWidths
{
    /// <summary>The width in the first file that has a valid video, with that file; null if no file has one.</summary>
    public static (int Width, string File)? Find(IVideoFormat format, IEnumerable<string> files)
    {
        foreach (string file in files)
        {
            if (format.FindFrameWidth(file) is { } width)
                return (width, file);
        }
        return null;
    }

    /// <summary>
    /// The width of a folder's pretraining videos, which a model for them takes; null if they have no valid video.
    /// </summary>
    /// <param name="data">The folder.</param>
    /// <param name="overrides">Values that replace those of the preset.</param>
    /// <param name="others">Other files of the folder that the model will read.</param>
    /// <exception cref="DataException">An override or a file has another width; the message names both.</exception>
    public static int? Of(DataFolder data, IReadOnlyList<Override> overrides, params IEnumerable<string> others)
    {
        if (Find(data.Format, data.Pointwise) is not var (width, file))
            return null;
        Preset.RequireDataSizes(overrides, ("model.frame_width", width, file));
        Require(data.Format, data.Pointwise.Concat(others), width, $"those of {file} have");
        return width;
    }

    /// <summary>Refuses files whose frames do not have a width. Files without a valid video pass.</summary>
    /// <param name="format">Format of the files.</param>
    /// <param name="files">The files.</param>
    /// <param name="width">The width.</param>
    /// <param name="source">
    /// What has this width, with the verb: "those of FILE have", "the model in DIR takes".
    /// </param>
    /// <exception cref="DataException">A file has another width; the message names it.</exception>
    public static void Require(IVideoFormat format, IEnumerable<string> files, int width, string source)
    {
        foreach (string file in files)
        {
            if (format.FindFrameWidth(file) is { } found)
                Require(file, found, width, source);
        }
    }

    /// <summary>Refuses a file with another width.</summary>
    /// <inheritdoc cref="Require(IVideoFormat, IEnumerable{string}, int, string)"/>
    public static void Require(string file, int found, int width, string source)
    {
        if (found != width)
            throw new DataException($"{file}: frames have {found} values, but {source} {width}");
    }
}
