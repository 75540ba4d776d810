using VideoSim.Models.Pretrained;

namespace VideoSim.Cli;

/// <summary>The reader of HDF5 files. It is left out of the program that travels to a machine with a GPU (-p:Hdf5=false).</summary>
internal static class Hdf5Reader
{
    /// <summary>Opens a tf_model.h5; null in a program without the reader.</summary>
    public static Func<string, TensorFile>? Open =>
#if HDF5
        Pretrained.Hdf5.Hdf5File.Open;
#else
        null;
#endif
}
