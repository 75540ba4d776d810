using VideoSim.Engine;
using VideoSim.Fuzz.Formats;

namespace VideoSim.Fuzz;

/// <summary>All formats.</summary>
internal static class FormatList
{
    /// <summary>Their names.</summary>
    public static IReadOnlyList<string> Names { get; } = [.. All().Select(static format => format.Name)];

    /// <summary>A new object for each.</summary>
    public static IEnumerable<Format> All() =>
    [
        new TfRecordFormat(), new ExampleFormat(), new LabelsFormat(), new TagListFormat(),
        new VocabularyFormat(), new JiebaFormat(), new TokenizerConfigFormat(),
        new SafetensorsFormat(), new WeightsFormat(), new ModelConfigFormat(), new ChecksumsFormat(), new CheckedFolderFormat(),
        new PublishedConfigFormat(), new ShardIndexFormat(), new TorchFormat(), new TorchDamagedFormat(), new Hdf5Format(),
        new SubmissionJsonFormat(), new SubmissionZipFormat(), new EmbeddingMatrixFormat(), new NpzFormat(), new EmbeddingShardFormat(), new IdsFormat(), new IndexManifestFormat(), new IndexTitlesFormat(), new IndexGraphFormat(), new FramesFormat(),
        new JsonLinesFormat(), new DelimitedFormat("csv", ','), new DelimitedFormat("tsv", '\t'), new ParquetFormat(), new ParquetEmbeddingsFormat(),
        new ConfigFormat(), new SetFormat(), new FoldFormat(),
        .. RunFormats.All(), .. JsonFileFormat.All(), new KernelImageFormat(), new ServerRequestFormat(),
    ];

    /// <summary>The format of a name.</summary>
    /// <exception cref="DataException">There is none.</exception>
    public static Format Find(string name) => All().FirstOrDefault(format => format.Name == name) ?? throw new DataException($"there is no format '{name}'; formats: {string.Join(", ", Names)}");
}
