using VideoSim.Engine;

namespace VideoSim.Peers.Torch;

/// <summary>The native libraries beside this program.</summary>
internal static class Libtorch
{
    private const string Library = "libLibTorchSharp.so", LargePackage = "libtorch_cpu.so";
    private const byte Weak = 2; // VER_FLG_WEAK
    private const int FlagsAt = 4; // in an entry, behind the hash

    // The begin of the entry of GLIBCXX_3.4.32: the ELF hash of its name, and no flags.
    private static readonly byte[] Entry = [0x42, 0xf8, 0x97, 0x02, 0, 0];

    /// <summary>
    /// Makes TorchSharp's library loadable beside an older libstdc++. The library requires GLIBCXX_3.4.32, of GCC 13,
    /// and uses no symbol of it; Debian 12 has 3.4.30. An ELF file lists the versions that it requires. A flag makes
    /// such a requirement weak: the loader then only warns if the version is missing. Call this before libtorch is
    /// loaded; it changes the copy beside this program, once.
    /// </summary>
    /// <exception cref="DataException">The program was built without libtorch.</exception>
    public static void Prepare()
    {
        if (!File.Exists(Path.Combine(AppContext.BaseDirectory, LargePackage)))
            throw new DataException($"{LargePackage} is missing: build the project without -p:Libtorch=false, on 64-bit Linux");
        string file = Path.Combine(AppContext.BaseDirectory, Library);
        byte[] bytes = File.ReadAllBytes(file);
        int at = bytes.AsSpan().IndexOf(Entry);
        if (at < 0)
            return;
        bytes[at + FlagsAt] = Weak;
        string changed = $"{file}.{Environment.ProcessId}";
        File.WriteAllBytes(changed, bytes);
        File.Move(changed, file, overwrite: true);
    }
}
