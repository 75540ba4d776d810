using VideoSim.Engine;
using VideoSim.Models.Records;
using Xunit;

namespace VideoSim.Models.Tests.Records;

public sealed class RecordFilesTests : IDisposable
{
    private readonly ScratchFolder _folder = new();

    [Fact]
    public void Expand_FileFolderOrPattern_GivesFilesInOrdinalOrder()
    {
        string[] files = [_folder.Write("p_0.tfrecords", "x"), _folder.Write("p_1.tfrecords", "x"), _folder.Write("p_10.tfrecords", "x")];
        _folder.Write("label.tsv", "x");
        string hidden = _folder.Write("._p_0.tfrecords", "what another system keeps beside a file");
        Assert.Equal(files, RecordFiles.Expand(_folder.Path));
        Assert.Equal(files, RecordFiles.Expand(Path.Combine(_folder.Path, "p_*.tfrecords")));
        Assert.Equal(files[..2], RecordFiles.Expand(Path.Combine(_folder.Path, "p_?.tfrecords")));
        Assert.Equal(files, RecordFiles.Expand(Path.Combine(_folder.Path, "*.tfrecords")));
        Assert.Equal(files[1..2], RecordFiles.Expand(files[1]));
        Assert.Equal([hidden], RecordFiles.Expand(hidden));
        Assert.Equal([hidden], RecordFiles.Expand(Path.Combine(_folder.Path, "._*")));
    }

    [Theory]
    [InlineData("nothing", "there is no such file")]
    [InlineData("*.nothing", "no file matches *.nothing")]
    [InlineData("nowhere/*.tfrecords", "there is no folder ROOT/nowhere")]
    public void Expand_NothingThere_IsADataException(string name, string reason)
    {
        string path = Path.Combine(_folder.Path, name);
        Assert.Equal($"{path}: {reason.Replace("ROOT", _folder.Path, StringComparison.Ordinal)}", Assert.Throws<DataException>(() => RecordFiles.Expand(path)).Message);
    }

    public void Dispose() => _folder.Dispose();
}
