using VideoSim.Engine.Serialization;
using Xunit;

namespace VideoSim.Engine.Tests.Serialization;

public sealed class MeteredStreamTests
{
    [Fact]
    public void Read_MoreThanIsAllowed_NamesTheFile()
    {
        using var stream = new MeteredStream(new MemoryStream(new byte[1000]), "a.h5");
        stream.Allow(100);
        Assert.Equal(50, stream.Read(new byte[50]));
        Assert.Equal("a.h5: more than 100 bytes would be read to find what is in it: damaged?", Assert.Throws<DataException>(() => stream.Read(new byte[50])).Message);
        Assert.Throws<DataException>(() => stream.ReadByte());
        stream.Allow(100);
        Assert.Equal(0, stream.ReadByte());
    }

    [Fact]
    public void Read_LargePart_IsRefusedBeforeItIsRead()
    {
        using var file = new MemoryStream(new byte[1000]);
        using var stream = new MeteredStream(file, "a.h5");
        stream.Allow(100);
        Assert.Throws<DataException>(() => stream.Read(new byte[101]));
        Assert.Equal(0, file.Position);
        // A large buffer at the end of a file is no large part of it.
        stream.Allow(100);
        file.Position = 990;
        Assert.Equal(10, stream.Read(new byte[1000]));
    }

    // A reader that does not notice the end of a file comes to an end.
    [Fact]
    public void Read_AtTheEndForEver_Fails()
    {
        using var stream = new MeteredStream(new MemoryStream([]), "a.h5");
        stream.Allow(1000);
        Assert.Throws<DataException>(() =>
        {
            for (int i = 0; i < 1000; i++)
                stream.ReadByte();
        });
    }

    // A reader that follows a circle down ends with an exception, not with the process.
    [Fact]
    public void Read_NestedWithoutAnEnd_Fails()
    {
        using var stream = new MeteredStream(new MemoryStream(new byte[1]), "a.h5");
        Assert.Throws<InsufficientExecutionStackException>(() => Down(stream));

        static int Down(MeteredStream stream)
        {
            stream.Position = 0;
            return stream.ReadByte() + Down(stream);
        }
    }
}
