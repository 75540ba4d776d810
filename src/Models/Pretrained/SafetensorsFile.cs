using VideoSim.Engine.Serialization;

namespace VideoSim.Models.Pretrained;

/// <summary>A safetensors file as a source of weights.</summary>
internal sealed class SafetensorsFile : TensorFile
{
    private readonly SafetensorsReader _reader;

    private SafetensorsFile(string path, SafetensorsReader reader) : base(path)
    {
        _reader = reader;
        Tensors = [.. reader.Entries.Select(entry => new StoredTensor(this, entry.Name, entry.Type, entry.Shape))];
    }

    /// <inheritdoc/>
    public override IReadOnlyList<StoredTensor> Tensors { get; }

    /// <summary>Opens a file and checks its header.</summary>
    /// <exception cref="Engine.DataException">
    /// The file cannot be read or is not valid; the message names file and tensor.
    /// </exception>
    public static SafetensorsFile Open(string path) => new(path, SafetensorsReader.Open(path));

    /// <inheritdoc/>
    protected internal override void Read(StoredTensor tensor, long first, Span<float> destination) =>
        _reader.ReadFloats(_reader.TryFind(tensor.Name)!, first, destination);

    /// <inheritdoc/>
    protected override void Dispose(bool disposing) => _reader.Dispose();
}
