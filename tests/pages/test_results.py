"""Tests of results.py: python3 -m unittest discover -s tests/pages"""

import unittest

import results

SUMMARY = {"models": {"mix": {"random_spearman": 0.1201, "pretrain_spearman": 0.7, "folds": [{"test_spearman": 0.8}, {"test_spearman": 0.9}], "test_spearman": 0.85}},
           "ensemble": {"test_spearman": 0.8578, "normalized_test_spearman": 0.8539}, "best_possible_spearman": 0.94, "baselines": {"linear_probe": 0.7305}}
PAGE = "# Title 0.111\n\n## Results\n\n| Model | random |\n| --- | ---: |\n| `mix` | 0.120 | 0.700 | 0.800 | 0.850 |\n\nThe ensemble reaches **0.858**, scaled 0.854, at best 0.940. A line 0.731.\n\n## Next\n\n0.222\n"


class Comparing(unittest.TestCase):
    def test_equal_numbers_have_no_difference(self):
        self.assertEqual([], list(results.differences(PAGE, SUMMARY)))

    def test_each_number_counts(self):
        for number in ("0.120", "0.700", "0.800", "0.850", "0.858", "0.854", "0.940", "0.731"):
            self.assertEqual(1, len(list(results.differences(PAGE.replace(number, "0.500"), SUMMARY))), number)

    def test_a_missing_row_is_a_difference(self):
        self.assertEqual(["mix: the page has None, the run has ['0.120', '0.700', '0.800', '0.850']"], list(results.differences(PAGE.replace("`mix`", "mix"), SUMMARY)))


if __name__ == "__main__":
    unittest.main()
