"""Tests of readability.py and of what it reads: sentences, paragraphs of pages and texts of comments."""

import textwrap
import unittest

import comments
import readability
from markdown import Page


def lengths(text):
    return [len(words) for words in readability.sentences(text)]


class Splitting(unittest.TestCase):
    def test_sentences_end_at_full_stops_that_a_blank_follows(self):
        self.assertEqual([3, 2, 3], lengths("One two three. Four five? Six seven eight."))
        self.assertEqual([5], lengths("A rate of 3.5 GB/s"))
        self.assertEqual([3, 2], lengths('One says "stop." Another goes.'))

    def test_abbreviations_end_no_sentence(self):
        self.assertEqual([6], lengths("Use a kernel, e.g. the sum"))
        self.assertEqual([7], lengths("Lin et al. describe it vs. others"))

    def test_signs_alone_are_no_words_and_labels_no_sentences(self):
        self.assertEqual([4], lengths("a + b = c - d"))
        self.assertEqual([], lengths("Title."))


class Pages(unittest.TestCase):
    def texts(self, text):
        return [readability.plain(paragraph) for paragraph in Page("p.md", textwrap.dedent(text)).paragraphs]

    def test_paragraphs_and_items_count_tables_code_and_headings_do_not(self):
        self.assertEqual(["First line second line.", "An item that goes on.", "Another item.", "Quoted."], self.texts("""
            # A heading

            First line
            second line.

            - An item
              that goes on.
            - Another item.

            | a | table |
            | --- | --- |

            > Quoted.

            ```bash
            commands here
            ```

                indented code

            <img src="x.svg">
            <!-- a comment
            of two lines -->
            """))

    def test_targets_of_links_do_not_count_and_code_is_one_word(self):
        self.assertEqual(["See the page and code."], self.texts("See [the page](docs/page.md#anchor) and `dotnet run -c Release`."))


class Comments(unittest.TestCase):
    def texts(self, path, text):
        return list(readability.paragraphs_of_comments(path, textwrap.dedent(text)))

    def test_lines_below_each_other_are_one_text(self):
        self.assertEqual(["One sentence in two lines.", "Another.", "Behind code."], self.texts("a.cs", """
            // One sentence
            // in two lines.
            int x; string s = "// none";

            // Another.
            int y; // Behind code.
            """))

    def test_tags_do_not_count_and_begin_a_text(self):
        self.assertEqual(["Sum of code and code.", "The width."], self.texts("a.cs", """
            /// <summary>Sum of <see cref="A"/>
            /// and <c>x + y</c>.</summary>
            /// <param name="width">The width.</param>
            """))

    def test_formulas_do_not_count(self):
        self.assertEqual(["The sum:", "of each row."], self.texts("a.cu", """
            // The sum:
            //   y = x + 1
            // Launch  one warp
            // -----
            //
            // of each row.
            """))

    def test_scripts_have_comments_and_docstrings(self):
        self.assertEqual([(1, " Module.", False), (2, " a", False), (3, " b", True)],
                         [(line.number, " " + line.text.strip(), line.is_behind_code) for line in comments.lines_of("a.py", '"""Module."""\n# a\nx = "# none" # b\n')])
        self.assertEqual([" a", " b"], [line.text for line in comments.lines_of("run", "#!/bin/bash\n# a\nx='# none' # b\ny=${z#w}\n")])


class Tables(unittest.TestCase):
    def test_a_row_has_mean_share_and_longest(self):
        row = readability.Row("page")
        row.add(["one two three. " + "word " * 27], ["x" * 130])
        self.assertEqual("| page | 30 | 15.0 | 50 % | 27 | 130 |", str(row))


if __name__ == "__main__":
    unittest.main()
