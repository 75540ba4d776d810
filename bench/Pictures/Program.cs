// Draws the pictures of a run of bench/all: dotnet run -c Release --project bench/Pictures -- FOLDER
using VideoSim.Engine;
using VideoSim.Engine.Serialization;
using VideoSim.Pictures;

if (args.Length != 1)
{
    Console.Error.WriteLine("usage: dotnet run -c Release --project bench/Pictures -- FOLDER, a folder that bench/all wrote");
    return 1;
}
try
{
    foreach (string path in PictureFolder.Write(args[0]))
        Console.WriteLine($"wrote {path}");
    return 0;
}
catch (DataException e)
{
    Console.Error.WriteLine(Printable.Line(e.Message));
    return 1;
}
