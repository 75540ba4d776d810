using System.Text;
using System.Text.RegularExpressions;
using VideoSim.Engine.Serialization;

namespace VideoSim.Models.Reports;

/// <summary>Writes HTML. Every text is escaped here, because texts of a report come from files.</summary>
internal sealed partial class Html
{
    private const int LongestCode = 5000; // a path has at most 4096 characters

    private readonly StringBuilder _text = new();

    /// <summary>
    /// A text for the content of an element or an attribute in quotes. Control characters and characters that change
    /// the direction of text are shown as \uXXXX.
    /// </summary>
    public static string Escape(string text)
    {
        var escaped = new StringBuilder();
        foreach (char c in Printable.Whole(text))
        {
            // Other letters stay as they are, so Chinese titles stay readable in the source.
            escaped.Append(c switch { '<' => "&lt;", '>' => "&gt;", '&' => "&amp;", '"' => "&quot;", '\'' => "&#39;", _ => c.ToString() });
        }
        return escaped.ToString();
    }

    /// <summary>A text of our own; the browser does not break a line in the name of an option.</summary>
    public static string Sentence(string text) => Option().Replace(Escape(text), static option => $"<span class=\"option\">{option.Value}</span>");

    /// <summary>A text as a code element, cut after 5000 characters; the browser may break it anywhere.</summary>
    public static string Code(string text) => $"<code>{Escape(text.Length <= LongestCode ? text : $"{text[..LongestCode]}...")}</code>";

    /// <summary>A text from a file that has its own direction, cut after 120 characters.</summary>
    public static string Foreign(string text) => $"<bdi>{Escape(Printable.OneLine(text))}</bdi>";

    /// <summary>Adds markup.</summary>
    public Html Raw(string markup)
    {
        _text.Append(markup).Append('\n');
        return this;
    }

    /// <summary>Adds a paragraph.</summary>
    public Html Paragraph(string text, string style = "") => Raw($"<p{Class(style)}>{Sentence(text)}</p>");

    /// <summary>Begins a part of the page.</summary>
    public Html Section(string id, string kicker, string heading) =>
        Raw($"<section id=\"{id}\" aria-labelledby=\"{id}-h\"><p class=\"kicker\">{Escape(kicker)}</p><h2 id=\"{id}-h\">{Escape(heading)}</h2>");

    /// <summary>Ends a part of the page.</summary>
    public Html EndSection() => Raw("</section>");

    /// <summary>Adds a picture with its caption.</summary>
    public Html Figure(string picture, string caption, string style = "") => Raw($"<figure{Class(style)}><figcaption>{Escape(caption)}</figcaption>{picture}</figure>");

    /// <summary>Adds a table that scrolls in its own box.</summary>
    /// <param name="name">What the table shows.</param>
    /// <param name="headers">Headers; one that begins with # is of a column of numbers.</param>
    /// <param name="rows">Rows of markup; the first cell is the header of its row.</param>
    /// <param name="folded">Whether the table is hidden until it is opened.</param>
    public Html Table(string name, IReadOnlyList<string> headers, IEnumerable<IReadOnlyList<string>> rows, bool folded = false)
    {
        if (folded)
            Raw($"<details><summary>{Escape(name)}</summary>");
        Raw($"<div class=\"scroll\" role=\"region\" aria-label=\"{Escape(name)}\" tabindex=\"0\"><table><thead><tr>{string.Concat(headers.Select(static header => $"<th scope=\"col\"{Class(IsNumber(header) ? "num" : "")}>{Escape(header.TrimStart('#'))}</th>"))}</tr></thead><tbody>");
        foreach (var row in rows)
        {
            _text.Append("<tr><th scope=\"row\">").Append(row[0]).Append("</th>");
            for (int i = 1; i < row.Count; i++)
                _text.Append("<td").Append(Class(IsNumber(headers[i]) ? "num" : "")).Append('>').Append(row[i]).Append("</td>");
            Raw("</tr>");
        }
        return Raw(folded ? "</tbody></table></div></details>" : "</tbody></table></div>");
    }

    /// <inheritdoc/>
    public override string ToString() => _text.ToString();

    [GeneratedRegex("--[a-z][a-z-]*")]
    private static partial Regex Option();

    private static bool IsNumber(string header) => header.StartsWith('#');

    private static string Class(string style) => style.Length > 0 ? $" class=\"{style}\"" : "";
}
