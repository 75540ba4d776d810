namespace VideoSim.Cli.Tests.Commands;

/// <summary>Splits the text of a command as a shell does: at blanks, with single quotes.</summary>
internal static class CommandText
{
    internal static string[] Words(string text)
    {
        var words = new List<string>();
        string? word = null;
        bool quoted = false;
        foreach (char c in text)
        {
            if (c == '\'')
                (quoted, word) = (!quoted, word ?? "");
            else if (c == ' ' && !quoted)
                Take();
            else
                word += c;
        }
        Take();
        return [.. words];

        void Take()
        {
            if (word is not null)
                words.Add(word);
            word = null;
        }
    }
}
