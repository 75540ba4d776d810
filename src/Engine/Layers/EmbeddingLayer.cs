using VideoSim.Engine.Autograd;
using VideoSim.Engine.Operators;
using VideoSim.Engine.Tensors;

namespace VideoSim.Engine.Layers;

/// <summary>Tables that turn indices into rows: y[b, s] = table[index[b, s]] + position[s] + shared[0].</summary>
public sealed class EmbeddingLayer
{
    private readonly Parameter? _position;
    private readonly Parameter _shared;

    /// <summary>Declares the tables.</summary>
    /// <param name="store">
    /// Store for them, as <c>name.word_embeddings.weight</c>, <c>.position_embeddings.weight</c> and
    /// <c>.token_type_embeddings.weight</c>.
    /// </param>
    /// <param name="name">Name of the layer.</param>
    /// <param name="rows">Rows of the table of indices.</param>
    /// <param name="width">Width of a row.</param>
    /// <param name="positions">Rows of the table of positions; 0 for no such table.</param>
    /// <param name="sharedRows">Rows of a third table. Its first row is added at every position.</param>
    /// <param name="initializer">
    /// First weights; null for a normal distribution with standard deviation 0.02, cut at two of them.
    /// </param>
    /// <param name="group">Group of the parameters.</param>
    public EmbeddingLayer(ParameterStore store, string name, int rows, int width, int positions = 0, int sharedRows = 1, Initializer? initializer = null, int group = 0)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(rows);
        ArgumentOutOfRangeException.ThrowIfNegative(positions);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(sharedRows);
        initializer ??= Initializers.TruncatedNormal(0.02);
        Table = store.Add(group, $"{name}.word_embeddings.weight", new Shape(rows, width), initializer);
        _position = positions == 0 ? null : store.Add(group, $"{name}.position_embeddings.weight", new Shape(positions, width), initializer);
        _shared = store.Add(group, $"{name}.token_type_embeddings.weight", new Shape(sharedRows, width), initializer);
    }

    /// <summary>The table of indices [rows, width], which another layer may share.</summary>
    public Parameter Table { get; }

    /// <summary>Rows [B, S, width] of indices [B, S].</summary>
    public Tensor Forward(Tape tape, in IndexBatch batch)
    {
        var type = tape.Precision;
        return Embedding.Forward(tape, batch, tape.Use(Table, type), _position is null ? default : tape.Use(_position, type), tape.Use(_shared, type));
    }
}
