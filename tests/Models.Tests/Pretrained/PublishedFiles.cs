using VideoSim.Models.Pretrained;
using VideoSim.Models.Pretrained.Torch;
using VideoSim.Pretrained.Hdf5;

namespace VideoSim.Models.Tests.Pretrained;

/// <summary>The committed files of small published encoders; tests/Golden/pretrained/make.py writes them.</summary>
internal static class PublishedFiles
{
    /// <summary>Where a file lies.</summary>
    public static string PathOf(string name) => Path.Combine(AppContext.BaseDirectory, "Golden", "pretrained", name);

    /// <summary>Opens a file by its name's ending.</summary>
    public static TensorFile Open(string path) => Path.GetExtension(path) switch
    {
        ".safetensors" => SafetensorsFile.Open(path),
        ".h5" => Hdf5File.Open(path),
        _ => TorchFile.Open(path),
    };

    /// <summary>Opens a file and reads every tensor of floating-point numbers.</summary>
    public static void ReadAll(string path)
    {
        using var file = Open(path);
        foreach (var tensor in file.Tensors)
        {
            if (tensor.Type is not Engine.Serialization.SafetensorsType.I64)
                tensor.Read(0, new float[tensor.ElementCount]);
        }
    }
}
