using VideoSim.Engine;
using VideoSim.Models.Pretrained;
using VideoSim.Models.Zoo;

namespace VideoSim.Models.Training;

/// <summary>Where a model's vocabulary and the first weights of its text encoder come from.</summary>
/// <param name="VocabularyFile">A vocab.txt; null for the encoder's, or else the data folder's own. An encoder's wins.</param>
/// <param name="EncoderFolder">A published encoder in Hugging Face's layout; null for random weights.</param>
/// <param name="OpenHdf5">Opens a tf_model.h5; null where the program has no reader for it.</param>
public sealed record TextSource(string? VocabularyFile = null, string? EncoderFolder = null, Func<string, TensorFile>? OpenHdf5 = null)
{
    /// <summary>The vocabulary to train with.</summary>
    /// <exception cref="DataException">There is none; the message says what to pass.</exception>
    public string VocabularyFor(DataFolder data) => EncoderFolder is not null ? PretrainedFolder.VocabularyOf(EncoderFolder)
        : VocabularyFile ?? (File.Exists(data.Vocabulary) ? data.Vocabulary
        : throw new DataException($"{data.Vocabulary}: there is no such file; pass --encoder DIR, whose vocabulary is taken, or --vocab FILE"));

    /// <summary>The encoder to start from, or null.</summary>
    /// <exception cref="DataException">It is damaged, or not of a model's type.</exception>
    public PretrainedFolder? OpenEncoder(string model)
    {
        if (EncoderFolder is null)
            return null;
        RequireType(model);
        return PretrainedFolder.Open(EncoderFolder, OpenHdf5);
    }

    /// <summary>Refuses an encoder of another type than a model has.</summary>
    /// <exception cref="DataException">It is; or the folder is none of an encoder.</exception>
    public void RequireType(string model)
    {
        string wanted = ModelZoo.Find(model).Encoder;
        if (EncoderFolder is not null && PretrainedFolder.TypeOf(EncoderFolder) is var found && found != wanted)
            throw new DataException($"{EncoderFolder}: holds a {found}; {model} needs a {wanted}");
    }
}
