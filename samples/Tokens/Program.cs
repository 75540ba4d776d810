// Prints the tokens and ids of titles, by the rules of BERT and of RoFormer.
// Arguments: a vocabulary (vocab.txt), then titles.
using VideoSim.Models.Text;

if (args.Length < 2 || !File.Exists(args[0]))
{
    Console.Error.WriteLine("usage: Tokens VOCABULARY TITLE..., where VOCABULARY is a vocab.txt");
    return 2;
}
var vocabulary = Vocabulary.Load(args[0]);
var bert = new BertTokenizer(vocabulary).ToTokenizer();
var roformer = new RoFormerTokenizer(vocabulary, JiebaDictionary.Stock).ToTokenizer();
foreach (string title in args[1..])
{
    foreach (var tokenizer in new[] { bert, roformer })
    {
        Console.WriteLine(string.Join(' ', tokenizer.EncodeToTokens(title, out _).Select(static token => token.Value)));
        Console.WriteLine(string.Join(' ', tokenizer.EncodeToIds(title)));
    }
}
return 0;
