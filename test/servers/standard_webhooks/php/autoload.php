<?php
// Stands in for Composer's autoload.php and the official library: what the receiver in PHP calls of it.

declare(strict_types=1);

namespace StandardWebhooks;

class Webhook
{
    private string $key;

    /** A secret: base64, with whsec_ before it or without. */
    public function __construct(string $secret)
    {
        $key = base64_decode(preg_replace('/^whsec_/', '', $secret), true);
        if ($key === false || $key === '') {
            throw new \InvalidArgumentException('not a secret');
        }
        $this->key = $key;
    }

    /** What the JSON says; throws unless one of the signatures is right and the timestamp near. */
    public function verify(string $body, array $headers): mixed
    {
        [$id, $sent] = [(string) $headers['webhook-id'], (string) $headers['webhook-timestamp']];
        if ($id === '' || preg_match('/^\d{1,12}$/D', $sent) !== 1 || abs(time() - (int) $sent) > 300) {
            throw new \UnexpectedValueException('a header is missing or invalid, or not sent now');
        }
        $want = base64_encode(hash_hmac('sha256', "$id.$sent.$body", $this->key, true));
        foreach (explode(' ', (string) $headers['webhook-signature']) as $signature) {
            // Without a comma there is a warning, as in the official library.
            [$kind, $value] = explode(',', $signature, 2);
            if ($kind === 'v1' && hash_equals($want, (string) $value)) {
                return json_decode($body, true);
            }
        }
        throw new \UnexpectedValueException('no signature is right');
    }
}
