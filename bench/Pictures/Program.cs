// Draws the pictures of a run of bench/all, or of the variants in a file of 'kernels bench --json':
// dotnet run -c Release --project bench/Pictures -- FOLDER|FILE
using VideoSim.Engine;
using VideoSim.Engine.Serialization;
using VideoSim.Pictures;

if (args.Length != 1)
{
    Console.Error.WriteLine("usage: dotnet run -c Release --project bench/Pictures -- FOLDER|FILE: a folder that bench/all wrote, or a file of 'kernels bench --json' with variants");
    return 1;
}
try
{
    foreach (string path in File.Exists(args[0]) ? PictureFolder.WriteVariants(args[0]) : PictureFolder.Write(args[0]))
        Console.WriteLine($"wrote {path}");
    return 0;
}
catch (DataException e)
{
    Console.Error.WriteLine(Printable.Line(e.Message));
    return 1;
}
