namespace VideoSim.Models.Text;

/// <summary>
/// The rules of BERT's uncased text for single code points. White space ends a word. Control characters and accents
/// are dropped. Punctuation marks and ideographs are words by themselves. All others are decomposed, stripped of
/// accents and lower-cased.
/// </summary>
/// <remarks>
/// The tables have the result of Hugging Face's fast tokenizer for every code point (tests/Golden/tokenizer). They do
/// not use the Unicode data of .NET: token ids must not change with its version, and culture data is not available
/// here. Canonical reordering is left out. It would matter only for two adjacent combining marks in non-canonical
/// order. Few combining marks are kept: spacing marks such as U+302E or U+1B44, and marks newer than Unicode 8.
/// </remarks>
internal static partial class CharacterRules
{
    /// <summary>Part of a word, unchanged.</summary>
    public const ushort Text = 0;

    /// <summary>Ends a word and is not part of it.</summary>
    public const ushort Space = 1;

    /// <summary>Removed from the text.</summary>
    public const ushort Dropped = 2;

    /// <summary>A word by itself.</summary>
    public const ushort Alone = 3;

    // A Hangul syllable. Unicode defines its two or three letters by arithmetic.
    private const ushort Syllable = 4;

    // This and all higher rules are rows of the table of replacements: row = rule - FirstReplacement.
    private const ushort FirstReplacement = 5;

    private const int FirstSyllable = 0xAC00, LastSyllable = 0xD7A3;
    private const int FirstLeadingLetter = 0x1100, FirstVowel = 0x1161, BeforeFirstTrailingLetter = 0x11A7;
    private const int VowelCount = 21, TrailingCount = 28;

    // One rule for each code point; untouched pages of it cost no memory.
    private static readonly ushort[] Rules = BuildRules();

    /// <summary>The rule of one code point.</summary>
    public static ushort Of(int codePoint) => Rules[codePoint];

    /// <summary>Whether other code points replace it; see <see cref="Replacement"/>.</summary>
    public static bool IsReplaced(ushort rule) => rule >= Syllable;

    /// <summary>
    /// The code point at <paramref name="index"/> of the replacement of <paramref name="codePoint"/>, or -1 past its
    /// end. It may have the rule <see cref="Alone"/>, but it is never replaced again.
    /// </summary>
    public static int Replacement(int codePoint, ushort rule, int index)
    {
        if (rule == Syllable)
        {
            int syllable = codePoint - FirstSyllable, trailing = syllable % TrailingCount;
            return index switch
            {
                0 => FirstLeadingLetter + syllable / (VowelCount * TrailingCount),
                1 => FirstVowel + syllable / TrailingCount % VowelCount,
                2 when trailing > 0 => BeforeFirstTrailingLetter + trailing,
                _ => -1,
            };
        }
        int pair = 2 * (rule - FirstReplacement + index);
        return pair < Replacements.Length && Replacements[pair] == codePoint ? Replacements[pair + 1] : -1;
    }

    private static ushort[] BuildRules()
    {
        ushort[] rules = new ushort[0x110000];
        Fill(rules, SpaceRanges, Space);
        Fill(rules, DroppedRanges, Dropped);
        Fill(rules, AloneRanges, Alone);
        rules.AsSpan(FirstSyllable..(LastSyllable + 1)).Fill(Syllable);
        // Backwards, so the first of several pairs is written last and stays.
        for (int pair = Replacements.Length / 2 - 1; pair >= 0; pair--)
            rules[Replacements[2 * pair]] = (ushort)(FirstReplacement + pair);
        return rules;
    }

    private static void Fill(ushort[] rules, ReadOnlySpan<int> ranges, ushort rule)
    {
        for (int i = 0; i < ranges.Length; i += 2)
            rules.AsSpan(ranges[i]..(ranges[i + 1] + 1)).Fill(rule);
    }
}
