<?php
// Receives signed events in PHP, without a library. The official one is standard-webhooks/standard-webhooks of
// Composer: its verify() replaces verified().
//
// WEBHOOK_SECRET=whsec_... SEEN=/var/lib/receiver php -S 127.0.0.1:8080 receiver.php

declare(strict_types=1);

function header_value(string $name): string
{
    return $_SERVER['HTTP_' . strtoupper(strtr($name, '-', '_'))] ?? '';
}

function verified(string $key, string $body): bool
{
    [$id, $sent] = [header_value('webhook-id'), header_value('webhook-timestamp')];
    if (preg_match('/^\d{1,12}$/D', $sent) !== 1 || abs(time() - (int) $sent) > 300) {
        return false;
    }
    $want = 'v1,' . base64_encode(hash_hmac('sha256', "$id.$sent.$body", $key, true));
    foreach (explode(' ', header_value('webhook-signature')) as $signature) {
        if (hash_equals($want, $signature)) {
            return true;
        }
    }
    return false;
}

/** Whether this id comes for the first time. A file for each; a job removes those that are older than a day. */
function is_new(string $id): bool
{
    return @fopen(getenv('SEEN') . '/' . hash('sha256', $id), 'x') !== false;
}

$key = base64_decode(substr((string) getenv('WEBHOOK_SECRET'), strlen('whsec_')), true);
// The bytes as they came: the signature is over them.
$body = (string) file_get_contents('php://input');
if ($key === false || $key === '' || !verified($key, $body)) {
    http_response_code(401);
    exit;
}
http_response_code(204);
if (function_exists('fastcgi_finish_request')) {
    fastcgi_finish_request(); // Under php-fpm the answer goes out now.
}
if (is_new(header_value('webhook-id'))) {
    $event = json_decode($body, true, 512, JSON_THROW_ON_ERROR);
    error_log('event ' . header_value('webhook-id') . ' ' . $event['type']);
}
