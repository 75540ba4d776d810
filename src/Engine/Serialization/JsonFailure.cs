using System.Globalization;
using System.Text.Json;

namespace VideoSim.Engine.Serialization;

/// <summary>Describes an error in a JSON text in plain words; .NET's messages name its own types.</summary>
public static class JsonFailure
{
    // Parts of .NET's messages, and what they mean; {0} is what the message has in quotes.
    private static readonly (string Part, string Text)[] Syntax =
    [
        ("trailing comma", "has a comma after the last value"),
        ("Duplicate property", "has the key {0} twice"),
        ("invalid start of a value", "is not JSON: no value begins with {0}"),
        ("invalid start of a property name", "is not JSON: a key is in quotes, and this is {0}"),
        ("does not contain any JSON", "is not JSON: there is nothing"),
        ("Expected depth to be zero", "is not JSON: it ends inside an object or a list"),
        ("Expected end of string", "is not JSON: a text has no quote at its end"),
        ("invalid after a value", "is not JSON: a comma is missing before {0}"),
        ("invalid after a property name", "is not JSON: a colon is missing before {0}"),
        ("invalid after a single JSON value", "is not JSON: after the end there is {0}"),
        ("invalid within a JSON string", "is not JSON: a text has a line break or a control character"),
        ("invalid JSON literal", "is not JSON: a word that is not in quotes must be true, false or null"),
        ("end of a number", "is not JSON: a number ends with {0}"),
        ("leading zero", "is not JSON: a number begins with 0"),
        ("maximum configured depth", "has too many objects in each other"),
    ];

    /// <summary>One line: the place and the error.</summary>
    /// <param name="failure">The error.</param>
    /// <param name="firstLine">The number that the text's first line has in its file.</param>
    public static string Reason(JsonException failure, int firstLine = 1)
    {
        string message = failure.Message;
        string what = message.Contains("could not be mapped to any .NET member", StringComparison.Ordinal) ? $"there is no key {Printable.Quote(Between(message, "'"))}"
            : message.Contains("missing required properties", StringComparison.Ordinal) ? $"lacks {message[(message.IndexOf(':', StringComparison.Ordinal) + 1)..].Trim().TrimEnd('.')}"
            : message.Contains("could not be converted", StringComparison.Ordinal) ? $"{Place(failure.Path)} is of another kind than expected"
            : message.StartsWith("'/' is", StringComparison.Ordinal) ? "has a comment, which JSON does not allow"
            : message.Contains("0xEF", StringComparison.Ordinal) ? "begins with a byte order mark, which JSON does not allow"
            : Syntax.FirstOrDefault(error => message.Contains(error.Part, StringComparison.Ordinal)).Text?.Replace("{0}", Printable.Quote(Between(message, "'")), StringComparison.Ordinal) ?? Printable.OneLine(message.Split(" Path: ")[0].Split(" LineNumber: ")[0].TrimEnd('.'));
        return failure.LineNumber is { } line ? string.Create(CultureInfo.InvariantCulture, $"line {line + firstLine}: {what}") : what;
    }

    private static string Place(string? path) => path is null or "$" ? "the whole" : Printable.Quote(path.TrimStart('$', '.'));

    private static string Between(string text, string quote) => text.Split(quote) is [_, var first, ..] ? first : text;
}
