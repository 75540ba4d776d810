using System.Text;
using VideoSim.Engine.Serialization;
using Xunit;

namespace VideoSim.Engine.Tests.Serialization;

/// <summary>What .NET would only find when a value is used is found when a file is read.</summary>
public sealed class JsonFileTests
{
    [Theory]
    [InlineData("""{"a":1,"a":2}""", "file: line 1: has the key 'a' twice")]
    [InlineData("{\"a\":1,\n\"\\u0061\":2}", "file: line 2: has the key 'a' twice")]
    [InlineData("""{"a":[{"b":1},{"b":1,"b":2}]}""", "file: line 1: has the key 'b' twice")]
    [InlineData("""{"a":"\ud800"}""", "file: line 1: a text is not valid Unicode")]
    [InlineData("""{"\udc00":1}""", "file: line 1: a text is not valid Unicode")]
    [InlineData("{\"a\":\n1e999}", "file: line 2: 'a' is 1e999, which is not a number that fits")]
    [InlineData("""{"a":[-1E+999]}""", "file: line 1: 'a' is -1E+999, which is not a number that fits")]
    [InlineData("""{"a":1e-4000000000000000000000000000}""", "file: line 1: 'a' is 1e-4000000000000000000000000000, which is not a number that fits")]
    [InlineData("""{"a":0e99999999999}""", "file: line 1: 'a' is 0e99999999999, which is not a number that fits")]
    [InlineData("[]", "file: is not a JSON object")]
    [InlineData("null", "file: is not a JSON object")]
    [InlineData("", "file: line 1: is not JSON: there is nothing")]
    [InlineData("{", "file: line 1: is not JSON: it ends inside an object or a list")]
    public void ParseObject_Bad_IsOneLine(string text, string expected) =>
        Assert.Equal(expected, Assert.Throws<DataException>(() => JsonFile.ParseObject("file", Encoding.UTF8.GetBytes(text))).Message);

    [Fact]
    public void ParseObject_BytesThatAreNotUtf8_AreRefused() =>
        Assert.Equal("file: line 1: a text is not valid Unicode", Assert.Throws<DataException>(() => JsonFile.ParseObject("file", [.. "{\"a\":\""u8, 0xff, .. "\"}"u8])).Message);

    [Theory]
    [InlineData("""{"a":1e-9999,"b":1e0000000000001,"c":18446744073709551615,"d":-0.0}""")]
    [InlineData("""{"a":{"b":1},"b":{"b":1},"c":[{"b":1},{"b":1}]}""")]
    public void ParseObject_Good_Passes(string text) => Assert.Equal(text, JsonFile.ParseObject("file", Encoding.UTF8.GetBytes(text)).ToJsonString());
}
