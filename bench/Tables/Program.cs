// Writes the files of the repository that are generated from code: dotnet run -c Release --project bench/Tables
using System.Text;
using VideoSim.Engine;
using VideoSim.Engine.Compilation;
using VideoSim.Engine.Serialization;
using VideoSim.Kernels;
using VideoSim.Tables;

var root = new DirectoryInfo(AppContext.BaseDirectory);
while (!File.Exists(Path.Combine(root.FullName, "VideoSim.sln")))
    root = root.Parent ?? throw new InvalidOperationException("the program does not run inside of the repository");

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

void Write(string path, string text)
{
    AtomicFile.Write(Path.Combine(root.FullName, path), stream => stream.Write(Encoding.UTF8.GetBytes(text)));
    Console.WriteLine($"wrote {path}");
}
