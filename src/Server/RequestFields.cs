using System.Globalization;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Net.Http.Headers;
using VideoSim.Engine.Serialization;

namespace VideoSim.Server;

/// <summary>
/// The fields of a request by name: texts, numbers, files. They are in the query string, and in a body of
/// <c>multipart/form-data</c> or <c>application/json</c>. A field may be given once.
/// </summary>
internal sealed class RequestFields
{
    private const int MostFields = 16, LongestName = 64, LongestBoundary = 128, MostPartHeaderBytes = 4096, MostDepth = 3;

    private readonly Dictionary<string, object> _fields = []; // string, double, double[] or byte[]

    /// <summary>Reads the fields of a request.</summary>
    /// <param name="request">The request.</param>
    /// <param name="known">The names that it may have.</param>
    /// <param name="mostBytes">The largest body.</param>
    /// <param name="aborted">Cancelled if the client goes away.</param>
    /// <exception cref="RequestException">A field is not known, given twice, or cannot be read.</exception>
    public static async Task<RequestFields> Read(HttpRequest request, IReadOnlyCollection<string> known, long mostBytes, CancellationToken aborted)
    {
        var fields = new RequestFields();
        foreach (var (name, values) in request.Query)
            fields.Add(name, values.Count == 1 ? values.ToString() : throw Twice(name));
        if (HttpMethods.IsPost(request.Method))
            await fields.ReadBody(request, mostBytes, aborted);
        string? unknown = fields._fields.Keys.FirstOrDefault(name => !known.Contains(name));
        return unknown is null ? fields : throw RequestException.Bad($"there is no field {Printable.Quote(unknown)}; the fields are {string.Join(", ", known)}");
    }

    /// <summary>Whether a field is given.</summary>
    public bool Has(string name) => _fields.ContainsKey(name);

    /// <summary>A text; null if it is not given.</summary>
    public string? Text(string name) => Get(name) switch
    {
        null => null,
        string text => text,
        _ => throw RequestException.Bad($"field {name} must be a text"),
    };

    /// <summary>A file; null if it is not given.</summary>
    public byte[]? File(string name) => Get(name) switch
    {
        null => null,
        byte[] file => file,
        _ => throw RequestException.Bad($"field {name} must be a file, in a body of multipart/form-data"),
    };

    /// <summary>Numbers; null if they are not given.</summary>
    public double[]? Numbers(string name) => Get(name) switch
    {
        null => null,
        double[] numbers => numbers,
        _ => throw RequestException.Bad($"field {name} must be a list of numbers, in a body of application/json"),
    };

    /// <summary>A whole number from 1 to a limit.</summary>
    public int Count(string name, int otherwise, int most)
    {
        int? number = Get(name) switch
        {
            null => otherwise,
            double value when value == Math.Floor(value) && value >= 1 && value <= most => (int)value,
            string text when int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int value) => value,
            _ => null,
        };
        return number >= 1 && number <= most ? number.Value : throw RequestException.Bad($"field {name} must be a whole number from 1 to {most}");
    }

    private static RequestException Twice(string name) => RequestException.Bad($"field {Printable.Quote(name)} is given twice");

    private object? Get(string name) => _fields.GetValueOrDefault(name);

    private void Add(string name, object value)
    {
        if (!_fields.TryAdd(name, value))
            throw Twice(name);
    }

    private async Task ReadBody(HttpRequest request, long mostBytes, CancellationToken aborted)
    {
        string type = MediaTypeHeaderValue.TryParse(request.ContentType, out var parsed) ? parsed.MediaType.ToString().ToLowerInvariant() : "";
        if (type == "multipart/form-data")
            await ReadForm(request, mostBytes, aborted);
        else if (type == "application/json")
            await ReadJson(request, aborted);
        else
            throw new RequestException(StatusCodes.Status415UnsupportedMediaType, "the body must be multipart/form-data or application/json");
    }

    private async Task ReadForm(HttpRequest request, long mostBytes, CancellationToken aborted)
    {
        // Everything stays in memory: MemoryBufferThreshold is the size from which a part would go to a file.
        int most = (int)Math.Min(mostBytes, int.MaxValue);
        var limits = new FormOptions
        {
            ValueCountLimit = MostFields, KeyLengthLimit = LongestName, ValueLengthLimit = most, MultipartBodyLengthLimit = mostBytes, MemoryBufferThreshold = most,
            MultipartBoundaryLengthLimit = LongestBoundary, MultipartHeadersLengthLimit = MostPartHeaderBytes,
        };
        IFormCollection form;
        try
        {
            form = await new FormFeature(request, limits).ReadFormAsync(aborted);
        }
        catch (Exception failure) when (failure is InvalidDataException || (failure is IOException and not BadHttpRequestException && !aborted.IsCancellationRequested))
        {
            throw RequestException.Bad($"the body is not valid multipart/form-data: {Printable.OneLine(failure.Message)}");
        }
        foreach (var (name, values) in form)
            Add(name, values.Count == 1 ? values.ToString() : throw Twice(name));
        foreach (var file in form.Files)
        {
            byte[] bytes = new byte[file.Length];
            using var stream = file.OpenReadStream();
            stream.ReadExactly(bytes);
            Add(file.Name, bytes);
        }
    }

    private async Task ReadJson(HttpRequest request, CancellationToken aborted)
    {
        try
        {
            using var body = new MemoryStream();
            await request.Body.CopyToAsync(body, aborted);
            using var json = JsonDocument.Parse(body.GetBuffer().AsMemory(0, (int)body.Length), new JsonDocumentOptions { MaxDepth = MostDepth });
            if (json.RootElement.ValueKind != JsonValueKind.Object)
                throw RequestException.Bad("the body must be a JSON object");
            foreach (var field in json.RootElement.EnumerateObject())
                Add(field.Name, ValueOf(field) ?? throw RequestException.Bad($"field {Printable.Quote(field.Name)} must be a text, a number or a list of numbers"));
        }
        catch (Exception failure) when (failure is JsonException or InvalidOperationException)
        {
            // InvalidOperationException: half of a surrogate pair in a text.
            throw RequestException.Bad("the body is not valid JSON");
        }
    }

    private static object? ValueOf(JsonProperty field) => field.Value.ValueKind switch
    {
        JsonValueKind.String => field.Value.GetString(),
        JsonValueKind.Number => field.Value.TryGetDouble(out double number) ? number : null,
        JsonValueKind.Array => field.Value.EnumerateArray().All(static value => value.ValueKind == JsonValueKind.Number && value.TryGetDouble(out _))
            ? field.Value.EnumerateArray().Select(static value => value.GetDouble()).ToArray() : null,
        _ => null,
    };
}
