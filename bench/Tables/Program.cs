// Writes the files of the repository that are generated from code: dotnet run -c Release --project bench/Tables
// With "readme FOLDER": writes the figures of README.md and bench/results/README.md from a folder of results.
using System.Text;
using VideoSim.Engine;
using VideoSim.Engine.Compilation;
using VideoSim.Engine.Serialization;
using VideoSim.Kernels;
using VideoSim.Tables;
using VideoSim.Tables.Pages;

var root = new DirectoryInfo(AppContext.BaseDirectory);
while (!File.Exists(Path.Combine(root.FullName, "VideoSim.sln")))
    root = root.Parent ?? throw new InvalidOperationException("the program does not run inside of the repository");

switch (args)
{
    case []:
        WriteFromCode();
        return 0;
    case ["readme", var folder]:
        return WriteFigures(folder);
    default:
        Console.Error.WriteLine("usage: dotnet run -c Release --project bench/Tables [-- readme FOLDER]");
        return 1;
}

void WriteFromCode()
{
    Write("docs/kernels/floors.md", FloorsPage.Text(FloorsPage.CountSteps()));
    try
    {
        var compiler = new KernelCompiler(KernelSources.In(null), new KernelCache(UserCache.Kernels));
        var table = KernelResourceTable.Compile(compiler, KernelUnit.Group(Catalog.Kernels), KernelResourceTable.Architectures);
        foreach (string difference in KernelResourceTable.Embedded.Differences(table, compiler.Version))
            Console.WriteLine(difference);
        Write("src/Engine/Compilation/resources.json", KernelResourceTable.Embedded.With(table).ToJson());
    }
    catch (DataException e) // without NVRTC
    {
        Console.WriteLine($"src/Engine/Compilation/resources.json is left as it is: {e.Message}");
    }
}

int WriteFigures(string folder)
{
    try
    {
        foreach (string path in FiguresOfPages.Write(root.FullName, Path.GetFullPath(folder)))
            Console.WriteLine($"wrote {path}");
        return 0;
    }
    catch (DataException e)
    {
        Console.Error.WriteLine(Printable.Line(e.Message));
        return 1;
    }
}

void Write(string path, string text)
{
    AtomicFile.Write(Path.Combine(root.FullName, path), stream => stream.Write(Encoding.UTF8.GetBytes(text)));
    Console.WriteLine($"wrote {path}");
}
