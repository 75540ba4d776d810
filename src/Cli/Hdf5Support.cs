using VideoSim.Models.Pretrained;

namespace VideoSim.Cli;

/// <summary>The reader of HDF5 files, if the program is built with it.</summary>
internal static class Hdf5Support
{
    /// <summary>Opens a tf_model.h5; null in a program built with <c>-p:WithHdf5=false</c>.</summary>
    public static Func<string, TensorFile>? Open { get; } =
#if HDF5
        Pretrained.Hdf5.Hdf5File.Open;
#else
        null;
#endif
}
