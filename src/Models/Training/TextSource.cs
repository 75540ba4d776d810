using VideoSim.Engine.Serialization;
using VideoSim.Engine;
using VideoSim.Models.Pretrained;
using VideoSim.Models.Zoo;

namespace VideoSim.Models.Training;

/// <summary>Source of a model's vocabulary and of the initial weights of its text encoder.</summary>
/// <param name="VocabularyFile">
/// A vocab.txt; null for that of the data folder. With an encoder, the encoder's vocabulary is used in any case.
/// </param>
/// <param name="EncoderFolder">A published encoder in Hugging Face's layout; null for random weights.</param>
/// <param name="OpenHdf5">Opens a tf_model.h5; null in a program without a reader for HDF5.</param>
public sealed record TextSource(string? VocabularyFile = null, string? EncoderFolder = null, Func<string, TensorFile>? OpenHdf5 = null)
{
    /// <summary>The vocabulary to train with.</summary>
    /// <exception cref="DataException">There is no vocabulary; the message names the options.</exception>
    public string VocabularyFor(DataFolder data) => EncoderFolder is not null ? PretrainedFolder.VocabularyOf(EncoderFolder)
        : VocabularyFile ?? (PathCheck.IsFile(data.Vocabulary) ? data.Vocabulary
        : throw new DataException($"{data.Vocabulary}: there is no such file; pass --encoder DIR, whose vocabulary is used, or --vocab FILE"));

    /// <summary>The encoder to start from, or null.</summary>
    /// <exception cref="DataException">It is damaged, or does not have the type of the model.</exception>
    public PretrainedFolder? OpenEncoder(string model)
    {
        if (EncoderFolder is null)
            return null;
        RequireType(model);
        return PretrainedFolder.Open(EncoderFolder, OpenHdf5);
    }

    /// <summary>The files of the options. They need not exist.</summary>
    internal IEnumerable<InputFile> InputFiles() =>
    [
        .. VocabularyFile is null ? [] : (InputFile[])[new("--vocab", VocabularyFile)],
        .. EncoderFolder is null || !PathCheck.IsFolder(EncoderFolder) ? [] : FolderListing.Files(EncoderFolder).Select(static file => new InputFile("--encoder", file)),
    ];

    /// <summary>Refuses an encoder of another type than a model has.</summary>
    /// <exception cref="DataException">The types differ, or the folder has no encoder.</exception>
    public void RequireType(string model)
    {
        string wanted = ModelZoo.Find(model).Encoder;
        if (EncoderFolder is not null && PretrainedFolder.TypeOf(EncoderFolder) is var found && found != wanted)
            throw new DataException($"{EncoderFolder}: is a {found}, but {model} needs a {wanted}");
    }
}
