using VideoSim.Engine;
using VideoSim.Engine.Autograd;
using VideoSim.Kernels.Contract;
using VideoSim.Models.Configuration;
using VideoSim.Models.Pretrained;
using Xunit;

namespace VideoSim.Models.Tests.Pretrained;

/// <summary>The names, sizes and traps of published encoders: one test for each rule.</summary>
public sealed unsafe class PretrainedFolderTests
{
    private const string Words = "bert.embeddings.word_embeddings.weight";

    [Theory]
    [InlineData("bert.", "")]
    [InlineData("bert.", "bert.bert.")]
    [InlineData("bert.", "roberta.bert.")]
    [InlineData("bert.", "module.bert.")]
    [InlineData("bert.", "_orig_mod.module.bert.")]
    [InlineData("roformer.", "roformer.roformer.")]
    public void Open_AnyPrefix_FillsTheSameEncoder(string published, string prefix)
    {
        using var files = new TestFolder(published[..^1]);
        float[] words = files.Values($"{published}embeddings.word_embeddings.weight");
        files.Rename(name => name.StartsWith(published, StringComparison.Ordinal) ? prefix + name[published.Length..] : name);
        using var folder = files.Open();
        using var model = files.Model(published == "bert." ? "mix" : "mix-roformer", folder.Encoder).Parameters;
        var rows = folder.LoadInto(model);
        Assert.Equal(words, Part(model, $"{published}embeddings.word_embeddings.weight"));
        Assert.All(rows.Where(static row => row.Name.Contains("encoder.layer", StringComparison.Ordinal)), static row => Assert.Equal((EncoderUse.Used, 2), (row.Use, row.Tensors)));
        if (prefix.Length > 0)
            Assert.Contains($"the encoder's tensors have the prefix '{prefix}'", folder.Notes);
    }

    [Theory]
    [InlineData("bert", "aliased.bin")]
    [InlineData("bert", "legacy.bin")]
    [InlineData("bert", "strided.bin")]
    [InlineData("roformer", "aliased.bin")]
    [InlineData("roformer", "zip.bin")]
    [InlineData("bert", "keras.h5")]
    [InlineData("bert", "keras-old.h5")]
    [InlineData("bert", "keras-double.h5")]
    [InlineData("roformer", "keras.h5")]
    public void LoadInto_FileOfPyTorchOrKeras_FillsTheSameEncoder(string kind, string file)
    {
        using var files = new TestFolder(kind);
        using var folder = files.OpenWith(file);
        using var model = files.Model(kind == "bert" ? "mix" : "mix-roformer", folder.Encoder).Parameters;
        folder.LoadInto(model);
        int compared = 0;
        foreach (var (name, _, _, _) in model.Parts().Where(part => part.Name.StartsWith($"{kind}.", StringComparison.Ordinal)))
        {
            Assert.Equal(files.Values(name), Part(model, name));
            compared++;
        }
        Assert.Equal(kind == "bert" ? 39 : 36, compared);
    }

    [Fact]
    public void LoadInto_Uniter_ListsWhatIsUsedNewAndIgnored()
    {
        using var files = new TestFolder("bert");
        using var folder = files.OpenWith("zip.bin");
        using var model = files.Model("uniter", folder.Encoder).Parameters;
        var rows = folder.LoadInto(model);
        Assert.Equal(new EncoderLoadRow(EncoderUse.Used, Words, 1, 26 * 8 * 4, ""), rows[0]);
        Assert.Contains(new EncoderLoadRow(EncoderUse.Used, "bert.encoder.layer.*.intermediate.dense.weight", 2, 2 * 20 * 8 * 4, ""), rows);
        Assert.Contains(new EncoderLoadRow(EncoderUse.New, "mlm", 5, (8 * 8 + 8 + 8 + 8 + 26) * 4, ""), rows);
        Assert.Contains(new EncoderLoadRow(EncoderUse.Ignored, "cls.predictions.decoder.weight", 1, 26 * 8 * 4, "not part of the encoder"), rows);
        Assert.Contains(new EncoderLoadRow(EncoderUse.Ignored, "cls.predictions.bias", 1, 26 * 4, "not part of the encoder"), rows);
        Assert.Contains(new EncoderLoadRow(EncoderUse.Ignored, "bert.embeddings.position_ids", 1, 20 * 8, "integers, not weights"), rows);
        Assert.Contains(new EncoderLoadRow(EncoderUse.Ignored, "bert.pooler.dense.weight", 1, 8 * 8 * 4, "the model has no pooler"), rows);
        Assert.Equal(37, rows.Where(static row => row.Use == EncoderUse.Used).Sum(static row => row.Tensors));
        Assert.DoesNotContain(folder.Notes, static note => note.StartsWith("warning", StringComparison.Ordinal));
    }

    // Models for masked tokens alone are published without a pooler.
    [Fact]
    public void LoadInto_NoPooler_LeavesTheModelsOwn()
    {
        using var files = new TestFolder("bert");
        files.Remove(static name => name.Contains("pooler", StringComparison.Ordinal));
        using var folder = files.Open();
        using var model = files.Model("mix", folder.Encoder).Parameters;
        float[] before = Part(model, "bert.pooler.dense.weight");
        Assert.Contains(new EncoderLoadRow(EncoderUse.New, "bert.pooler.dense.weight", 1, 8 * 8 * 4, ""), folder.LoadInto(model));
        Assert.Equal(before, Part(model, "bert.pooler.dense.weight"));
    }

    [Fact]
    public void LoadInto_ModelWithBFloat16Copies_FillsThemToo()
    {
        using var files = new TestFolder("bert");
        using var folder = files.Open();
        using var model = files.Model("mix", folder.Encoder, ElementType.BFloat16).Parameters;
        folder.LoadInto(model);
        var parameter = model.Parameters.Single(static parameter => parameter.Parts[0].Name == Words);
        for (int i = 0; i < parameter.Shape.Count; i++)
            Assert.Equal(Kernels.Common.BFloat16.Round(files.Values(Words)[i]), ((Kernels.Common.BFloat16*)parameter.Copy.Address)[i].ToSingle());
    }

    [Theory]
    [InlineData("head.roformer.")]
    [InlineData("")]
    public void Open_TiedTableUnderAnotherPrefix_TakesTheWholeEncoder(string prefix)
    {
        using var files = new TestFolder("roformer");
        files.Add($"{prefix}embeddings.word_embeddings.weight", 26, 8);
        using var folder = files.Open();
        Assert.Contains("the encoder's tensors have the prefix 'roformer.'", folder.Notes);
        using var model = files.Model("mix-roformer", folder.Encoder).Parameters;
        Assert.Contains(folder.LoadInto(model), row => row.Use == EncoderUse.Ignored && row.Name == $"{prefix}embeddings.word_embeddings.weight");
    }

    [Fact]
    public void Open_TwoEncoders_NamesBoth()
    {
        using var files = new TestFolder("bert");
        foreach (string layer in new[] { "0", "1" })
            files.Add($"teacher.encoder.layer.{layer}.output.dense.bias", 8);
        files.Add("teacher.embeddings.word_embeddings.weight", 26, 8);
        files.Remove(static name => name.StartsWith("bert.encoder.layer", StringComparison.Ordinal) && !name.EndsWith("output.dense.bias", StringComparison.Ordinal));
        files.Remove(static name => name.EndsWith("attention.output.dense.bias", StringComparison.Ordinal));
        Assert.Contains("has two encoders, 'bert.' and 'teacher.'", Assert.Throws<DataException>(files.Open).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Open_AliasBesideItsName_NamesBoth()
    {
        using var files = new TestFolder("bert");
        files.Add("bert.embeddings.LayerNorm.gamma", 8);
        Assert.EndsWith("the tensors 'bert.embeddings.LayerNorm.weight' and 'bert.embeddings.LayerNorm.gamma' have the same name in the model",
            Assert.Throws<DataException>(files.Open).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Open_NoEncoder_SaysWhatIsThere()
    {
        using var files = new TestFolder("bert");
        files.Remove(static name => !name.StartsWith("cls", StringComparison.Ordinal));
        Assert.Contains("no tensor's name ends in embeddings.word_embeddings.weight: this is not the file of a text encoder; it has 'cls.predictions.bias', ",
            Assert.Throws<DataException>(files.Open).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Open_TensorsMissing_NamesTheFirstAndCountsThem()
    {
        using var files = new TestFolder("bert");
        files.Remove(static name => name.Contains("layer.0.", StringComparison.Ordinal));
        Assert.EndsWith("model.safetensors: lacks 16 of the encoder's 39 tensors: 'bert.encoder.layer.0.attention.self.query.weight', "
            + "'bert.encoder.layer.0.attention.self.key.weight', 'bert.encoder.layer.0.attention.self.value.weight' and 13 more",
            Assert.Throws<DataException>(files.Open).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Open_LayerFarBeyondTheOthers_IsAnErrorAtOnce()
    {
        using var files = new TestFolder("bert");
        files.Add("bert.encoder.layer.2000000000.output.dense.bias", 8);
        Assert.Contains("lacks ", Assert.Throws<DataException>(files.Open).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Open_UnknownTensorOfTheEncoder_IsAWarning()
    {
        using var files = new TestFolder("bert");
        files.Add("bert.encoder.layer.0.attention.self.distance_embedding.weight", 3, 4);
        using var folder = files.Open();
        Assert.Contains("warning: 1 tensors of the encoder are unknown and left out: 'bert.encoder.layer.0.attention.self.distance_embedding.weight'", folder.Notes);
    }

    [Fact]
    public void Open_TableLongerThanTheVocabulary_TakesTheFirstRows()
    {
        using var files = new TestFolder("bert");
        files.Remove(static name => name == Words);
        files.Add(Words, 32, 8);
        using var folder = files.Open();
        Assert.Equal(26, folder.Encoder.VocabSize);
        Assert.Contains("the word table has 32 rows, vocab.txt 26 pieces: the first 26 rows are used", folder.Notes);
        using var model = files.Model("uniter", folder.Encoder).Parameters;
        folder.LoadInto(model);
        Assert.Equal(files.Values(Words)[..(26 * 8)], Part(model, Words));
    }

    [Fact]
    public void Open_TableShorterThanTheVocabulary_IsAnError()
    {
        using var files = new TestFolder("bert");
        files.Remove(static name => name == Words);
        files.Add(Words, 24, 8);
        Assert.EndsWith($"tensor '{Words}' has 24 rows, but vocab.txt has 26 pieces", Assert.Throws<DataException>(files.Open).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0f, null)]
    [InlineData(0.00009f, null)]
    [InlineData(0.0002f, "warning: roformer.encoder.embed_positions.weight differs by up to 0.0002 from the exact table, more than 0.0001; it is computed instead")]
    [InlineData(float.NaN, "warning: roformer.encoder.embed_positions.weight has a value that is not finite; it is computed instead")]
    public void Open_RotaryTable_IsComparedAndNeverUsed(float change, string? warning)
    {
        using var files = new TestFolder("roformer");
        files.Values("roformer.encoder.embed_positions.weight")[4 * 7] += change;
        using var folder = files.Open();
        Assert.Equal(warning, folder.Notes.SingleOrDefault(static note => note.StartsWith("warning", StringComparison.Ordinal)));
        using var model = files.Model("uniter-roformer", folder.Encoder).Parameters;
        var rows = folder.LoadInto(model);
        Assert.Contains(new EncoderLoadRow(EncoderUse.Computed, "positions", 1, 10 * 4 * 4, "rotary table"), rows);
        Assert.Contains(new EncoderLoadRow(EncoderUse.Ignored, "roformer.encoder.embed_positions.weight", 1, 20 * 4 * 4, "computed instead"), rows);
        Assert.Equal(Kernels.Rotary.RotaryTable.Create(10, 4), new Span<float>(model.Constants[0].Value.Floats, 40).ToArray());
    }

    [Fact]
    public void Open_NoRotaryTable_IsAsGood()
    {
        using var files = new TestFolder("roformer");
        files.Remove(static name => name.Contains("embed_positions", StringComparison.Ordinal));
        using var folder = files.Open();
        Assert.Equal(2, folder.Notes.Count);
    }

    [Fact]
    public void LoadInto_ModelOfOtherSizes_NamesTensorAndBothShapesAndWritesNothing()
    {
        using var files = new TestFolder("bert");
        using var folder = files.Open();
        using var model = files.Model("mix", new EncoderConfig { VocabSize = 26, HiddenSize = 8, NumHiddenLayers = 2, NumAttentionHeads = 2, IntermediateSize = 24, MaxPositionEmbeddings = 20 }).Parameters;
        float[] before = Part(model, Words);
        Assert.Equal($"{files["model.safetensors"]}: tensor 'bert.encoder.layer.0.intermediate.dense.weight' has shape [20, 8], but the model needs [24, 8]",
            Assert.Throws<DataException>(() => folder.LoadInto(model)).Message);
        Assert.Equal(before, Part(model, Words));
    }

    [Fact]
    public void Open_TensorsThatDoNotFitEachOther_NamesTensorAndBothShapes()
    {
        using var files = new TestFolder("bert");
        files.Remove(static name => name == "bert.encoder.layer.1.output.dense.weight");
        files.Add("bert.encoder.layer.1.output.dense.weight", 8, 21);
        Assert.EndsWith("tensor 'bert.encoder.layer.1.output.dense.weight' has shape [8, 21], but the model needs [8, 20]", Assert.Throws<DataException>(files.Open).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void LoadInto_ValueThatIsNotFinite_NamesTheTensor()
    {
        using var files = new TestFolder("bert");
        files.Values("bert.pooler.dense.bias")[3] = float.PositiveInfinity;
        using var folder = files.Open();
        using var model = files.Model("mix", folder.Encoder).Parameters;
        Assert.EndsWith("tensor 'bert.pooler.dense.bias' has a value that is not finite", Assert.Throws<DataException>(() => folder.LoadInto(model)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("config.json")]
    [InlineData("vocab.txt")]
    public void Open_FileMissing_NamesIt(string name)
    {
        using var files = new TestFolder("bert");
        files.Open().Dispose();
        File.Delete(files[name]);
        Assert.Equal($"{files.Path}: has no {name}; a folder with config.json, vocab.txt and weights is expected",
            Assert.Throws<DataException>(() => PretrainedFolder.Open(files.Path)).Message);
    }

    private static float[] Part(ParameterStore parameters, string name)
    {
        var value = parameters.Parts().Single(part => part.Name == name).Value;
        return new Span<float>(value.Floats, (int)value.Shape.Count).ToArray();
    }
}
