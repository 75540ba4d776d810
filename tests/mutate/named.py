"""Changes that no test noticed at first. Each has a test now. (path, part of a line, the part after the change)"""

NAMED = [
    ("src/Kernels/Vlad/Vlad.cs", "OperationsOfAssignment = 10;", "OperationsOfAssignment = 100;"),
    ("src/Kernels/Softmax/Softmax.cs", "new((rows + warps - 1) / warps, 32 * warps)", "new(rows, 32 * warps)"),
    ("src/Kernels/Common/Tiles.cuh", "(pack ^ swizzle) * 8", "(pack ^ 0 * swizzle) * 8"),
    ("src/Engine/Layers/TransformerLayer.cs", "_site + 2, _hiddenDropout", "_site + 1, _hiddenDropout"),
    ("src/Engine/Layers/TransformerLayer.cs", "note ?? name, options.HiddenDropout", "note ?? name, options.AttentionDropout"),
    ("src/Models/Encoders/TextEncoder.cs", "RandomSites.Embeddings, _config.HiddenDropoutProb", "RandomSites.Embeddings, _config.AttentionProbsDropoutProb"),
    ("src/Models/Training/Finetuning.cs", "1e-8 / (2 * batch)", "1e-8 / batch"),
    ("src/Models/Training/DataFolder.cs", "100 + (uint)fold", "100"),
    ("src/Models/Reproduction/ReproductionOptions.cs", "Seed = Seed + (ulong)ModelZoo.Names.IndexOf(model)", "Seed = Seed"),
    ("src/Models/Batches/EpochOrder.cs", "_purpose, i) * (i + 1))", "_purpose, i) * i)"),
    ("src/Models/Architectures/Uniter.cs", "initialBias: Math.Log(", "initialBias: -Math.Log("),
    ("src/Models/Configuration/TrainingConfig.cs", "SaveTotalLimit { get; set; } = 2", "SaveTotalLimit { get; set; } = 3"),
    ("src/Models/Training/Trainer.cs", "spearman < _state.BestSpearman", "spearman <= _state.BestSpearman"),
    ("src/Models/Training/PlannedRuns.cs", "device.AllocatedBytes,", "device.AllocatedBytes - sizeof(float) * parameters,"),
    ("src/Models/Profiling/KernelBenchResult.cs", "Bytes / Microseconds?.Median / 1e3", "Bytes / Microseconds?.Median / 1e6"),
    ("src/Models/Reproduction/ClaimsStudy.cs", "LastLines = 5", "LastLines = 1"),
    ("src/Models/Recipes/Preset.cs", 'Finetune = Change(Finetune, "finetune")', "Finetune = Finetune"),
    ("src/Cli/Commands/EmbedCommand.cs", "EmbeddingRounding.Single :", "EmbeddingRounding.Half :"),
    ("src/Cli/Commands/KernelsBenchCommand.cs", "(time.P90 - time.P10)", "time.P90"),
]
