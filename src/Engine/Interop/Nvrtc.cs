using System.Runtime.InteropServices;
using System.Text;

namespace VideoSim.Engine.Interop;

/// <summary>
/// The functions of NVRTC, NVIDIA's run-time compiler, that the engine calls, as declared in its nvrtc.h.
/// </summary>
internal static unsafe partial class Nvrtc
{
    private const string Library = NativeLibraries.NvrtcName;
    private const int CompilationFailed = 6; // NVRTC_ERROR_COMPILATION

    static Nvrtc() => NativeLibraries.Register();

    /// <summary>Version of the compiler; registers and spills depend on it.</summary>
    public static Version Version
    {
        get
        {
            Check(nvrtcVersion(out int major, out int minor), nameof(nvrtcVersion));
            return new Version(major, minor);
        }
    }

    /// <summary>Compute capabilities that the compiler supports, such as 80 and 90.</summary>
    public static int[] Architectures()
    {
        Check(nvrtcGetNumSupportedArchs(out int count), nameof(nvrtcGetNumSupportedArchs));
        int[] architectures = new int[count];
        fixed (int* pointer = architectures)
            Check(nvrtcGetSupportedArchs(pointer), nameof(nvrtcGetSupportedArchs));
        return architectures;
    }

    /// <summary>Compiles one translation unit from memory.</summary>
    /// <param name="source">CUDA C++.</param>
    /// <param name="name">File name for messages.</param>
    /// <param name="headers">Texts of the headers, by the name in the source's include lines.</param>
    /// <param name="options">Options of the compiler.</param>
    /// <param name="binary">CUBIN for one device if true, PTX if not.</param>
    /// <param name="log">The compiler's messages.</param>
    /// <returns>The image, or null if the source has errors: the log names them.</returns>
    public static byte[]? Compile(string source, string name, IReadOnlyDictionary<string, string> headers, IReadOnlyList<string> options,
        bool binary, out string log)
    {
        using var texts = new Utf8Strings(headers.Values);
        using var names = new Utf8Strings(headers.Keys);
        using var arguments = new Utf8Strings(options);
        Check(nvrtcCreateProgram(out nint program, source, name, headers.Count, texts.Pointer, names.Pointer), nameof(nvrtcCreateProgram));
        try
        {
            int code = nvrtcCompileProgram(program, options.Count, arguments.Pointer);
            Check(nvrtcGetProgramLogSize(program, out nuint size), nameof(nvrtcGetProgramLogSize));
            byte[] bytes = new byte[size];
            fixed (byte* pointer = bytes)
                Check(nvrtcGetProgramLog(program, pointer), nameof(nvrtcGetProgramLog));
            log = Encoding.UTF8.GetString(bytes).TrimEnd('\0', '\n', ' ');
            if (code == CompilationFailed)
                return null;
            Check(code, nameof(nvrtcCompileProgram), log);
            return Image(program, binary);
        }
        finally
        {
            Check(nvrtcDestroyProgram(ref program), nameof(nvrtcDestroyProgram));
        }
    }

    private static byte[] Image(nint program, bool binary)
    {
        nuint size;
        if (binary)
            Check(nvrtcGetCUBINSize(program, out size), nameof(nvrtcGetCUBINSize));
        else
            Check(nvrtcGetPTXSize(program, out size), nameof(nvrtcGetPTXSize));
        byte[] image = new byte[size];
        fixed (byte* pointer = image)
        {
            if (binary)
                Check(nvrtcGetCUBIN(program, pointer), nameof(nvrtcGetCUBIN));
            else
                Check(nvrtcGetPTX(program, pointer), nameof(nvrtcGetPTX));
        }
        return image;
    }

    private static void Check(int code, string call, string log = "")
    {
        if (code != 0)
            throw new CudaException(call, code, $"{Marshal.PtrToStringUTF8(nvrtcGetErrorString(code))} {log}".Trim(), kernel: null, device: null);
    }

    [LibraryImport(Library)]
    private static partial int nvrtcVersion(out int major, out int minor);

    [LibraryImport(Library)]
    private static partial nint nvrtcGetErrorString(int code);

    [LibraryImport(Library)]
    private static partial int nvrtcGetNumSupportedArchs(out int count);

    [LibraryImport(Library)]
    private static partial int nvrtcGetSupportedArchs(int* architectures);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int nvrtcCreateProgram(out nint program, string source, string name, int headerCount, byte** headers, byte** includeNames);

    [LibraryImport(Library)]
    private static partial int nvrtcDestroyProgram(ref nint program);

    [LibraryImport(Library)]
    private static partial int nvrtcCompileProgram(nint program, int optionCount, byte** options);

    [LibraryImport(Library)]
    private static partial int nvrtcGetPTXSize(nint program, out nuint size);

    [LibraryImport(Library)]
    private static partial int nvrtcGetPTX(nint program, byte* ptx);

    [LibraryImport(Library)]
    private static partial int nvrtcGetCUBINSize(nint program, out nuint size);

    [LibraryImport(Library)]
    private static partial int nvrtcGetCUBIN(nint program, byte* cubin);

    [LibraryImport(Library)]
    private static partial int nvrtcGetProgramLogSize(nint program, out nuint size);

    [LibraryImport(Library)]
    private static partial int nvrtcGetProgramLog(nint program, byte* log);

    // A char** of C, for the duration of one call.
    private sealed class Utf8Strings : IDisposable
    {
        private readonly int _count;

        public Utf8Strings(IEnumerable<string> values)
        {
            string[] list = values.ToArray();
            _count = list.Length;
            Pointer = (byte**)NativeMemory.Alloc((nuint)Math.Max(1, _count), (nuint)sizeof(byte*));
            for (int i = 0; i < _count; i++)
                Pointer[i] = (byte*)Marshal.StringToCoTaskMemUTF8(list[i]);
        }

        public byte** Pointer { get; }

        public void Dispose()
        {
            for (int i = 0; i < _count; i++)
                Marshal.FreeCoTaskMem((nint)Pointer[i]);
            NativeMemory.Free(Pointer);
        }
    }
}
