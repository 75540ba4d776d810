// Writes the files of the repository that are generated from code, and have changed:
//     dotnet run -c Release --project bench/Tables
// With "instructions": counts the instructions of every kernel, which takes minutes, and writes them first.
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
    case ["instructions"]:
        return WriteInstructions();
    case ["readme", var folder]:
        return WriteFigures(folder);
    default:
        Console.Error.WriteLine("usage: dotnet run -c Release --project bench/Tables [-- instructions | readme FOLDER]");
        return 1;
}

void WriteFromCode()
{
    var steps = FloorsPage.CountSteps();
    Write("docs/kernels/floors.md", FloorsPage.Text(steps));
    var (pages, missing) = KernelPages.Made(root.FullName, InstructionTable.Embedded, InstructionTable.Listed(steps));
    foreach (var (page, text) in pages)
        Write(page, text);
    foreach (string family in missing)
        Console.WriteLine($"{family}: no page of docs/kernels has its instructions");
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

int WriteInstructions()
{
    try
    {
        var table = InstructionTable.Count(FloorsPage.CountSteps(), KernelCompiler.WithLines(KernelSources.In(null)), step => Console.WriteLine($"counting {step}"));
        Write("bench/Tables/instructions.json", table.ToJson());
        return 0;
    }
    catch (DataException e) // without NVRTC or nvdisasm
    {
        Console.Error.WriteLine(Printable.Line(e.Message));
        return 1;
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
    if (File.ReadAllText(Path.Combine(root.FullName, path)) == text)
        return;
    AtomicFile.Write(Path.Combine(root.FullName, path), stream => stream.Write(Encoding.UTF8.GetBytes(text)));
    Console.WriteLine($"wrote {path}");
}
