using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using VideoSim.Models.Datasets;

namespace VideoSim.Models.Import;

/// <summary>
/// Digest of all that the bytes of an import depend on. Paths, sizes and times stand for the content of frames. An
/// import with <see cref="ImportOptions.SkipBadRows"/> also continues one without it: that one saves a state only
/// while no row is bad, so the bytes so far are the same.
/// </summary>
internal sealed class ImportKey
{
    private readonly string _withoutSkipping, _version;

    /// <summary>Computes the digests.</summary>
    /// <param name="survey">The rows, and the digest of their frames.</param>
    /// <param name="frames">Folder that paths of frames begin at.</param>
    /// <param name="inputs">The other files.</param>
    /// <param name="options">The choices.</param>
    internal ImportKey(TableSurvey survey, string frames, IEnumerable<FileDigest> inputs, ImportOptions options)
    {
        _version = options.Version;
        OfResult = Digest(options.SkipBadRows);
        _withoutSkipping = Digest(skips: false);

        string Digest(bool skips)
        {
            string text = string.Join('\n', inputs.Select(static input => input.Sha256).Concat(
            [
                survey.FramesDigest, frames, string.Create(CultureInfo.InvariantCulture, $"{options.Seed} {skips} {options.Pairs is null}"),
            ]));
            return Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)));
        }
    }

    /// <summary>The key of the result.</summary>
    internal string OfResult { get; }

    /// <summary>The key of a state.</summary>
    /// <param name="shard">The shard that is imported; null for all rows.</param>
    internal string OfState(Shard? shard) => Of(OfResult, shard);

    /// <summary>Whether this import continues what has a key.</summary>
    /// <param name="key">The key of a state, or of a result.</param>
    /// <param name="shard">The shard that is imported; null for all rows.</param>
    internal bool Continues(string key, Shard? shard) => key == Of(OfResult, shard) || key == Of(_withoutSkipping, shard);

    // A shard is not continued under the name of another one. Between versions of the program bytes can differ.
    private string Of(string key, Shard? shard) => shard is { } one ? $"{key} {one} {_version}" : key;
}
