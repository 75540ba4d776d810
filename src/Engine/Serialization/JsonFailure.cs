using System.Globalization;
using System.Text.Json;

namespace VideoSim.Engine.Serialization;

/// <summary>Describes an error in a JSON text in plain words; .NET's messages name its own types.</summary>
public static class JsonFailure
{
    /// <summary>One line: the place and the error.</summary>
    public static string Reason(JsonException failure)
    {
        string message = failure.Message;
        string what = message.Contains("could not be mapped to any .NET member", StringComparison.Ordinal) ? $"there is no key {Printable.Quote(Between(message, "'"))}"
            : message.Contains("missing required properties", StringComparison.Ordinal) ? $"lacks {message[(message.IndexOf(':', StringComparison.Ordinal) + 1)..].Trim().TrimEnd('.')}"
            : message.Contains("could not be converted", StringComparison.Ordinal) ? $"{Place(failure.Path)} is of another kind than expected"
            : message.StartsWith("'/' is", StringComparison.Ordinal) ? "has a comment, which JSON does not allow"
            : message.Contains("0xEF", StringComparison.Ordinal) ? "begins with a byte order mark, which JSON does not allow"
            : Printable.OneLine(message.Split(" Path: ")[0].Split(" LineNumber: ")[0].TrimEnd('.'));
        return failure.LineNumber is { } line ? string.Create(CultureInfo.InvariantCulture, $"line {line + 1}: {what}") : what;
    }

    private static string Place(string? path) => path is null or "$" ? "the whole" : Printable.Quote(path.TrimStart('$', '.'));

    private static string Between(string text, string quote) => text.Split(quote) is [_, var first, ..] ? first : text;
}
