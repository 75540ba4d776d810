using System.Security.Cryptography;
using System.Text;
using VideoSim.Engine;
using VideoSim.Engine.Serialization;

namespace VideoSim.Server;

/// <summary>The token that requests must bring.</summary>
public sealed class ServerToken
{
    /// <summary>A shorter one could be guessed.</summary>
    public const int Shortest = 16;

    private const int Longest = 512;

    private readonly byte[] _digest;

    private ServerToken(string text) => (Text, _digest) = (text, Digest(text));

    /// <summary>The token itself, for requests to other servers.</summary>
    public string Text { get; }

    /// <summary>Checks a token.</summary>
    /// <param name="text">The token.</param>
    /// <param name="source">Where it is from, for messages.</param>
    /// <exception cref="DataException">It is too short, too long, or has other characters.</exception>
    public static ServerToken Parse(string text, string source)
    {
        if (text.Length is < Shortest or > Longest || text.Any(static letter => letter is <= ' ' or > '~'))
            throw new DataException($"{source}: a token has {Shortest} to {Longest} letters, digits or signs of ASCII, without blanks");
        return new ServerToken(text);
    }

    /// <summary>Reads a token from a file; a line break at its end is ignored.</summary>
    /// <exception cref="DataException">The file cannot be read or has no token.</exception>
    public static ServerToken Read(string path) => Parse(Encoding.UTF8.GetString(FileFailure.ReadAllBytes(path, FileLimit.Small)).TrimEnd('\r', '\n'), path);

    /// <summary>
    /// Whether a text is the token. The time does not depend on where they differ, nor on the length of the token.
    /// </summary>
    public bool Is(string text) => CryptographicOperations.FixedTimeEquals(Digest(text), _digest);

    private static byte[] Digest(string text) => SHA256.HashData(Encoding.UTF8.GetBytes(text));
}
