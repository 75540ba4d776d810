namespace VideoSim.Kernels.Losses;

/// <summary>
/// How much the special functions of the kernels may change losses of tags and their gradients, to first order, for
/// fp32 logits [rows, tags]. Errors are in units of 2^-24, the largest relative error of one rounding. docs/adr/0030
/// derives every number.
/// </summary>
/// <param name="tagLoss">The plain formulas.</param>
internal sealed class TagLossErrors(TagLossReference tagLoss)
{
    /// <summary>One unit.</summary>
    public const double Unit = 1.0 / (1 << 24);

    /// <summary>Largest relative error of 2^y; y log(2) = <paramref name="x"/> is a rounded product.</summary>
    public static double OfPower(double x) => 4 + 1.3 * Math.Abs(x);

    /// <summary>Largest error of a logarithm, of its argument's error apart.</summary>
    public static double OfLogarithm(double logarithm) => 4 * Math.Max(Math.Log(2), Math.Abs(logarithm)) + 2 * Math.Abs(logarithm);

    /// <summary>Errors of the loss and of the slope of an element of the logits.</summary>
    public (double Loss, double Slope) Of(double[] logits, int element)
    {
        bool present = tagLoss.IsPresent(element);
        double wrong = present ? -logits[element] : logits[element], size = Math.Abs(wrong);
        double power = Math.Exp(-size), log1p = double.LogP1(power), large = 1 / (1 + power), small = power * large;
        var (p, rest) = wrong > 0 ? (large, small) : (small, large);
        double ofLarge = 6 + OfPower(size) * power, ofSmall = 6 + OfPower(size);
        var (ofP, ofRest) = wrong > 0 ? (ofLarge, ofSmall) : (ofSmall, ofLarge);
        if (!present && tagLoss.Margin != 0)
            return BeyondMargin(p, ofP, rest, ofRest);
        double gamma = present ? tagLoss.PositiveGamma : tagLoss.NegativeGamma;
        double softplus = Math.Max(wrong, 0) + log1p, other = Math.Max(-wrong, 0) + log1p, ofLog1p = (OfPower(size) + 9) * log1p;
        double ofFocus = gamma == 0 ? 0 : gamma == 1 ? ofP : 4 + gamma * (4 * other + ofLog1p);
        double focus = Math.Exp(-gamma * other);
        return (focus * ((ofFocus + 2) * softplus + ofLog1p),
            focus * ((ofFocus + 3) * (gamma * rest * softplus + p) + p * ofP + gamma * rest * ((ofRest + 2) * softplus + ofLog1p)));
    }

    // The loss is f(q) = -q^gamma log(1 - q) with q = p - margin. The slope is f'(q) p (1 - p).
    private (double Loss, double Slope) BeyondMargin(double p, double ofP, double rest, double ofRest)
    {
        double q = p - tagLoss.Margin, gamma = tagLoss.NegativeGamma;
        if (q <= 0)
            return default;
        double ofQ = p * ofP + q, surprise = -double.LogP1(-q), ofSurprise = 10 * surprise + (q > 0.5 ? ofRest + 1 : 0);
        double focus = Math.Pow(q, gamma), ofFocus = 4 + gamma * (OfLogarithm(Math.Log(q)) - 2 * Math.Log(q));
        double first = focus * (gamma * surprise / q + 1 / (1 - q));
        double second = focus * (gamma * (gamma - 1) * surprise / (q * q) + 2 * gamma / (q * (1 - q)) + 1 / ((1 - q) * (1 - q)));
        return (first * ofQ + focus * ((ofFocus + 1) * surprise + ofSurprise),
            p * rest * (Math.Abs(second) * ofQ + first * (ofFocus + ofP + 2 * ofRest + 20) + gamma * focus / q * ofSurprise));
    }
}

/// <summary>
/// The same for the consistency of a video: its loss, and the slopes of all logits without the factor of the term.
/// </summary>
internal sealed class ConsistencyErrors
{
    private const int TagsOfBlock = 4 * 320; // a block reads as many at once

    private readonly double _epsilon;

    /// <summary>Computes all of them.</summary>
    /// <param name="mixture">[C]: logits.</param>
    /// <param name="experts">[Experts, C]: logits.</param>
    /// <param name="sharpness">1 / temperature.</param>
    /// <param name="epsilon">Added to probabilities inside logarithms.</param>
    public ConsistencyErrors(double[] mixture, double[][] experts, double sharpness, double epsilon)
    {
        _epsilon = epsilon;
        var (p, q) = (Head(mixture, sharpness), Array.ConvertAll(experts, expert => Head(expert, sharpness)));
        (OfMixture, OfExperts) = (new double[p.Length], Array.ConvertAll(experts, static expert => new double[expert.Length]));
        double loss = 0;
        for (int c = 0; c < p.Length; c++)
        {
            foreach (var head in q)
            {
                Loss += p[c].P * ((p[c].OfP + 1) * Math.Abs(p[c].Log - head[c].Log) + p[c].OfLog + head[c].OfLog);
                loss += p[c].P * (p[c].Log - head[c].Log);
            }
        }
        double own = q.Length * p.Sum(static tag => tag.P * tag.Share), subtracted = own + loss;
        double ofSubtracted = q.Length * p.Sum(static tag => tag.P * (tag.OfP * tag.Share + tag.OfShare)) + Loss + 2 * (own + Math.Abs(loss));
        double[] means = Array.ConvertAll(q, head => head.Select((tag, c) => p[c].P * tag.Share).Sum());
        double[] ofMeans = Array.ConvertAll(q, head => head.Select((tag, c) => p[c].P * ((p[c].OfP + 2) * tag.Share + tag.OfShare)).Sum());
        for (int c = 0; c < p.Length; c++)
        {
            double slope = q.Sum(head => p[c].Log + p[c].Share - head[c].Log);
            double ofSlope = q.Sum(head => p[c].OfLog + p[c].OfShare + head[c].OfLog + 2 * (Math.Abs(p[c].Log) + p[c].Share + Math.Abs(head[c].Log)));
            OfMixture[c] = p[c].P * ((p[c].OfP + 3) * Math.Abs(slope - subtracted) + ofSlope + ofSubtracted);
            for (int k = 0; k < q.Length; k++)
                OfExperts[k][c] = q[k][c].P * ((q[k][c].OfP + 3) * means[k] + ofMeans[k]) + p[c].P * ((p[c].OfP + 3) * q[k][c].Share + q[k][c].OfShare);
        }
    }

    /// <summary>Error of the loss.</summary>
    public double Loss { get; }

    /// <summary>[C]: errors of the mixture's slopes, times the temperature.</summary>
    public double[] OfMixture { get; }

    /// <summary>[Experts, C]: errors of the experts' slopes, times the temperature.</summary>
    public double[][] OfExperts { get; }

    // A probability and its relative error; log(P + epsilon) and P / (P + epsilon) and their errors.
    private readonly record struct Tag(double P, double OfP, double Log, double OfLog, double Share, double OfShare);

    private Tag[] Head(double[] logits, double sharpness)
    {
        double largest = logits.Max();
        double[] x = Array.ConvertAll(logits, logit => (logit - largest) * sharpness), powers = Array.ConvertAll(x, Math.Exp);
        double sum = powers.Sum();
        // The sum is multiplied by a power when a thread finds a larger logit, and once more for the block.
        double ofSum = x.Zip(powers, static (x, power) => (OfPower(x) + 2 * Math.Abs(x)) * power).Sum() / sum + 6.5 * (logits.Length / TagsOfBlock + 2);
        return [.. x.Zip(powers, (x, power) =>
        {
            double p = power / sum, share = p / (p + _epsilon), log = Math.Log(p + _epsilon), ofP = OfPower(x) + 2 * Math.Abs(x) + 3 + ofSum;
            return new Tag(p, ofP, log, TagLossErrors.OfLogarithm(log) + share * ofP + 1, share, share * ((1 - share) * ofP + 6));
        })];
    }

    private static double OfPower(double x) => TagLossErrors.OfPower(x);
}
