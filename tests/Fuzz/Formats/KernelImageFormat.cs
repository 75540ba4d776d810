using System.Security.Cryptography;
using System.Text;
using VideoSim.Engine;
using VideoSim.Engine.Compilation;
using VideoSim.Fuzz.Mutation;

namespace VideoSim.Fuzz.Formats;

/// <summary>Compiled kernels in the cache: damaged, or with changed content behind the right SHA-256.</summary>
internal sealed class KernelImageFormat() : Format("kernel-image", "kernel.image", "KernelImageFile: the cache of kernels and bench/gpu/pack")
{
    private const string Key = "0123456789abcdef", Log = "Compiling entry function 'a' for 'sm_90'\nFunction properties for a\n    0 bytes stack frame, 4 bytes spill stores, 8 bytes spill loads\nUsed 20 registers, 384 bytes smem\n";

    private static readonly byte[] Title = "VideoSim kernel image 1\n"u8.ToArray();

    public override IEnumerable<byte[]> Seeds() => [WithHash(Content([1, 2, 3, 4, 0], Log)), WithHash(Content([], ""))];

    public override byte[] Mutate(Mutator mutator, byte[] input)
    {
        int start = Title.Length + SHA256.HashSizeInBytes;
        if (input.Length < start || mutator.OneIn(4))
            return mutator.Bytes(input);
        return WithHash(mutator.OneIn(3) ? mutator.Lines(input[start..]) : mutator.Bytes(input[start..]));
    }

    public override void Read(string path, byte[] input)
    {
        var image = KernelImageFile.Read(path, Key) ?? throw new DataException($"{path}: has another key");
        byte[] content = input[(Title.Length + SHA256.HashSizeInBytes)..];
        Expect.Items<byte>(SHA256.HashData(content), input.AsSpan(Title.Length, SHA256.HashSizeInBytes), "SHA-256");
        // Written again, the image has the same bytes, except for lengths in another spelling and text after the code.
        byte[] again = Content(image.Code, image.Log);
        Expect.That(content.AsSpan().IndexOf(image.Code) >= 0 && content.Length >= image.Code.Length, "the code is not that of the file");
        if (again.Length == content.Length)
            Expect.Items<byte>(again, content, "content");
    }

    private static byte[] WithHash(byte[] content) => [.. Title, .. SHA256.HashData(content), .. content];

    private static byte[] Content(byte[] code, string log)
    {
        using var stream = new MemoryStream();
        using var writer = new BinaryWriter(stream, Encoding.UTF8);
        writer.Write(Key);
        writer.Write(log);
        writer.Write(code.Length);
        writer.Write(code);
        return stream.ToArray();
    }
}
