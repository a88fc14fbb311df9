<?php
// A web service in PHP, for its built-in server and for php-fpm.

if ($_SERVER['REQUEST_URI'] === '/private') {
    http_response_code(401);
    exit;
}
$fields = ['host' => $_SERVER['HTTP_HOST'], 'type' => $_SERVER['CONTENT_TYPE']];
$line = json_encode($_POST + $fields, JSON_THROW_ON_ERROR) . "\n";
file_put_contents(getenv('RECORDS'), $line, FILE_APPEND | LOCK_EX);
echo 'ok';
