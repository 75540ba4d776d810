namespace VideoSim.Peers.Torch;

/// <summary>
/// Makes TorchSharp's native library loadable beside an older libstdc++. The library requires GLIBCXX_3.4.32, of
/// GCC 13, and uses no symbol of it; Debian 12 has 3.4.30. An ELF file lists the versions that it requires, and a flag
/// makes such a requirement weak: the loader then only warns if the version is missing.
/// </summary>
internal static class OldLibstdcxx
{
    private const string Library = "libLibTorchSharp.so";
    private const byte Weak = 2; // VER_FLG_WEAK
    private const int FlagsAt = 4; // in an entry, behind the hash

    // The begin of the entry of GLIBCXX_3.4.32: the ELF hash of its name, and no flags.
    private static readonly byte[] Entry = [0x42, 0xf8, 0x97, 0x02, 0, 0];

    /// <summary>Changes the copy of the library beside this program, unless that was done before.</summary>
    public static void Allow()
    {
        string file = Path.Combine(AppContext.BaseDirectory, Library);
        if (!File.Exists(file))
            return;
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
