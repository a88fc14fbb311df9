<?php
// Receives signed events in PHP: verifies, answers, and does the work afterwards.
//
// composer require standard-webhooks/standard-webhooks
// mkdir -p seen && WEBHOOK_SECRET=whsec_... SEEN=seen php -S 127.0.0.1:8080 receiver.php

declare(strict_types=1);

require __DIR__ . '/vendor/autoload.php';

ini_set('display_errors', '0'); // A warning in the answer would make it a 200.

/** Whether this id comes for the first time. A file for each; a job removes those that are older than a few days. */
function is_new(string $id): bool
{
    $file = getenv('SEEN') . '/' . hash('sha256', $id);
    return @fopen($file, 'x') !== false || !file_exists($file); // If it cannot be noted, better twice than never.
}

$secret = (string) getenv('WEBHOOK_SECRET');
// A secret has at least 24 bytes, which are 32 characters; some versions of the library accept an empty one.
if (strlen($secret) < 32 || !is_writable((string) getenv('SEEN'))) {
    http_response_code(500);
    exit;
}
$headers = [];
foreach (['webhook-id', 'webhook-timestamp', 'webhook-signature'] as $name) {
    $headers[$name] = $_SERVER['HTTP_' . strtoupper(strtr($name, '-', '_'))] ?? null;
}
try {
    // The bytes as they came: the signature is over them.
    $event = (new StandardWebhooks\Webhook($secret))->verify((string) file_get_contents('php://input'), $headers);
} catch (Throwable) {
    http_response_code(401);
    exit;
}
http_response_code(204);
if (function_exists('fastcgi_finish_request')) {
    fastcgi_finish_request(); // Under php-fpm the answer goes out now.
}
if (is_new($headers['webhook-id'])) {
    error_log('event ' . $headers['webhook-id'] . ' ' . $event['type']);
}
